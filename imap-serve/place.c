#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "letters.h"
#include "place.h"
#include "quota.h"

int place_open(place *p, int root, char const *dir)
{
  *p = (place){.locked = 0};
  return mailbox_open(&p->box, root, dir, 0);
}

int place_lock(place *p)
{
  mailbox *m = &p->box;
  if (uidlist_lock(m->dir) < 0) return -1;
  p->locked = 1;
  return uidlist_read_end(&m->uids, m->dir) < 0 ||
                 keywords_read(&m->keys, m->dir) < 0
             ? -1
             : 1;
}

void place_keep(place *p)
{
  p->guids.len = p->paths.len = p->n = 0;
}

void place_close(place *p)
{
  char const *at = p->paths.s;
  for (size_t i = 0; i < p->n; i++, at += strlen(at) + 1)
    unlinkat(p->box.dir, at, 0);
  stralloc_free(&p->paths);
  stralloc_free(&p->guids);
  if (p->locked) uidlist_unlock(p->box.dir);
  mailbox_close(&p->box);
}

int place_path(char *to, char const *base, uint64_t letters)
{
  char list[LETTERS_FMT + 1];
  size_t n = strlen(base);
  list[letters_format(list, letters)] = 0;
  if (n + (letters ? 3 + strlen(list) : 0) > MAILDIR_NAME)
    return errno = ENAMETOOLONG, -1;
  if (letters)
    snprintf(to, MAILBOX_PATH, "cur/%s:2,%s", base, list);
  else
    snprintf(to, MAILBOX_PATH, "new/%s", base);
  return 1;
}

int place_add(place *p, char const *path)
{
  return place_add_guid(p, path, "");
}

int place_add_guid(place *p, char const *path, char const *guid)
{
  if ((*guid && !stralloc_append(&p->guids, 'G')) ||
      !stralloc_cats(&p->guids, guid) || !stralloc_0(&p->guids))
    return -1;
  if (!stralloc_cats(&p->paths, path) || !stralloc_0(&p->paths)) return -1;
  p->n++;
  if (*path == 'n')
    p->used_new = 1;
  else
    p->used_cur = 1;
  return 1;
}

static int give_uids(place *p)
{
  char const *at = p->paths.s, *guid = p->guids.s;
  for (size_t i = 0; i < p->n; i++, at += strlen(at) + 1) {
    char const *base = at + 4;
    size_t len = strlen(guid);
    uint32_t uid = mailbox_uidnext(&p->box);
    if (!i) p->first = uid;
    if (uidlist_add_with(&p->box.uids, base, strcspn(base, ":"), guid, len) < 0)
      return -1;
    guid += len + 1;
  }
  return 1;
}

/* What came counts at once; what goes is found when a quota is counted. */
static void note(place const *p)
{
  char const *at = p->paths.s;
  int64_t bytes = 0;
  for (size_t i = 0; i < p->n; i++, at += strlen(at) + 1) {
    maildir_name name;
    struct stat st;
    maildir_parse(&name, at + 4);
    if (name.size != UINT64_MAX)
      bytes += (int64_t)name.size;
    else if (fstatat(p->box.dir, at, &st, AT_SYMLINK_NOFOLLOW) == 0)
      bytes += st.st_size;
  }
  if (p->n && !p->moved) quota_note(p->box.root, bytes, (int64_t)p->n);
}

int place_commit(place *p)
{
  mailbox *m = &p->box;
  uint32_t validity = m->uids.validity;
  if (!validity) validity = uidvalidity_next(m->root);
  if (!validity || (p->used_new && fsync(m->new) < 0) ||
      (p->used_cur && fsync(m->cur) < 0) || give_uids(p) < 0 ||
      uidlist_commit(&m->uids, m->dir, validity) < 0)
    return -1;
  note(p);
  place_keep(p);
  uidlist_unlock(m->dir);
  p->locked = 0;
  return 1;
}
