/* From the files and the UID list to the session's messages. Three rules keep
   sessions in agreement: the UID list is read before the directories, so that
   the file of every record read was there; a file gets its UID only under the
   lock, after another look; a file is believed gone only if the directory
   stood still meanwhile or it was missed again and again, because readdir may
   miss a file that is renamed under it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "letters.h"
#include "log.h"
#include "maildir.h"
#include "scan.h"

#define LOOKS 4
#define DEAD_LINES 256 /* that are worth a new file, if a third is dead */

/* Whether every message that we have, and every record above, was seen. */
static int complete(scan const *s, mailbox const *m)
{
  size_t i = 0;
  for (size_t g = 0; g < m->n; g++) {
    if (m->v[g].state & MESSAGE_GONE) continue;
    while (i < m->uids.n && m->uids.v[i].uid < m->v[g].uid) i++;
    if (i < m->uids.n && m->uids.v[i].uid == m->v[g].uid && !s->file[i].seen)
      return 0;
  }
  for (i = m->uids.n; i-- > 0 && m->uids.v[i].uid > m->last;)
    if (!s->file[i].seen) return 0;
  return 1;
}

static int look(scan *s, mailbox const *m)
{
  for (unsigned tries = 0; tries < LOOKS; tries++) {
    struct timespec pause = {.tv_nsec = 1000000L << tries};
    if (tries && nanosleep(&pause, 0) < 0 && errno != EINTR) return -1;
    if (scan_look(s, m) < 0) return -1;
    if (s->stable || complete(s, m)) break;
  }
  return 1;
}

/* By time of delivery, as far as names tell it. */
static int by_time(void const *a, void const *b)
{
  char const *x = *(char const *const *)a + 1, *y = *(char const *const *)b + 1;
  unsigned long long tx = strtoull(x, 0, 10), ty = strtoull(y, 0, 10);
  char const *mx = strstr(x, ".M"), *my = strstr(y, ".M");
  if (tx != ty) return tx < ty ? -1 : 1;
  tx = mx ? strtoull(mx + 2, 0, 10) : 0;
  ty = my ? strtoull(my + 2, 0, 10) : 0;
  return tx != ty ? tx < ty ? -1 : 1 : strcmp(x, y);
}

static int add_unknown(mailbox *m, scan const *s)
{
  char const **v = malloc(s->unknowns * sizeof *v), *at = s->unknown.s;
  int r = v ? 1 : -1;
  for (size_t i = 0; v && i < s->unknowns; i++, at += strlen(at) + 1) v[i] = at;
  if (v) qsort(v, s->unknowns, sizeof *v, by_time);
  for (size_t i = 0; r > 0 && i < s->unknowns; i++) {
    size_t base = strcspn(v[i] + 1, ":");
    if (i && !strncmp(v[i - 1] + 1, v[i] + 1, base + 1)) continue;
    if (uidlist_find(&m->uids, v[i] + 1, base) == UIDLIST_NONE)
      r = uidlist_add(&m->uids, v[i] + 1, base);
  }
  free(v);
  return r;
}

/* A file that came back after this session saw it go, or that it has missed:
   its UID is below others that the client knows, so it gets a new one. */
static int add_late(mailbox *m, scan const *s)
{
  size_t g = 0, n = m->uids.n;
  for (size_t i = 0; i < n && m->uids.v[i].uid <= m->last; i++) {
    stralloc base = STRALLOC_ZERO;
    int r;
    if (!s->file[i].seen) continue;
    while (g < m->n && m->v[g].uid < m->uids.v[i].uid) g++;
    if (g < m->n && m->v[g].uid == m->uids.v[i].uid) continue;
    if (!stralloc_cats(&base, uidlist_name(&m->uids, i))) return -1;
    r = uidlist_add(&m->uids, base.s, base.len);
    stralloc_free(&base);
    if (r < 0) return -1;
  }
  return 1;
}

static int is_late(mailbox const *m, scan const *s)
{
  size_t g = 0;
  for (size_t i = 0; i < m->uids.n && m->uids.v[i].uid <= m->last; i++) {
    if (!s->file[i].seen) continue;
    while (g < m->n && m->v[g].uid < m->uids.v[i].uid) g++;
    if (g == m->n || m->v[g].uid != m->uids.v[i].uid) return 1;
  }
  return 0;
}

static int is_wasteful(mailbox const *m, scan const *s)
{
  size_t dead = 0;
  if (!s->stable || s->n != m->uids.n) return 0;
  for (size_t i = 0; i < s->n; i++) dead += !s->file[i].seen;
  return dead > DEAD_LINES && dead > m->uids.n / 3;
}

static int write_list(mailbox *m, scan *s)
{
  uint32_t validity = m->uids.validity;
  unsigned char *alive;
  int r;
  if (!validity && m->uids.ino) log_warn("damaged " UIDLIST_FILE);
  if (!validity) validity = uidvalidity_next(m->root);
  if (!validity) return -1;
  if (!is_wasteful(m, s)) return uidlist_commit(&m->uids, m->dir, validity);
  alive = malloc(m->uids.n);
  if (!alive) return -1;
  for (size_t i = 0; i < m->uids.n; i++) alive[i] = s->file[i].seen;
  r = uidlist_replace(&m->uids, m->dir, validity, alive);
  free(alive);
  return r;
}

/* Under the lock: nobody else gives UIDs now. The scan is of the list as it
   will be. */
static int assign(mailbox *m, scan *s)
{
  if (uidlist_read(&m->uids, m->dir) < 0) return -1;
  scan_free(s);
  if (look(s, m) < 0 || add_unknown(m, s) < 0 || add_late(m, s) < 0 ||
      write_list(m, s) < 0) {
    int e = errno;
    uidlist_undo(&m->uids);
    return errno = e, -1;
  }
  scan_free(s);
  return look(s, m);
}

/* Nothing can be written, as errno says: if only the room is short, what has
   a UID is shown, so that its owner can make room. The rest waits. */
static int without_new(mailbox *m, scan *s)
{
  int e = errno;
  if ((e != ENOSPC && e != EDQUOT) || !m->uids.validity || m->uids.damaged)
    return -1;
  log_warnsys("no room for UIDs of new mail");
  scan_free(s);
  if (look(s, m) < 0) return -1;
  s->times.unsure = 1;
  return 1;
}

static int find(mailbox *m, scan *s)
{
  int r;
  scan_free(s);
  if (uidlist_read(&m->uids, m->dir) < 0 || look(s, m) < 0) return -1;
  if (m->uids.validity && !m->uids.damaged && !s->unknowns && !is_late(m, s) &&
      !is_wasteful(m, s))
    return 1;
  if (!m->writable || m->nolock)
    return m->uids.validity ? 1 : (errno = EROFS, -1);
  if (uidlist_lock(m->dir) < 0) return without_new(m, s);
  r = assign(m, s);
  if (r < 0) {
    int e = errno;
    uidlist_unlock(m->dir);
    return errno = e, without_new(m, s);
  }
  uidlist_unlock(m->dir);
  return 1;
}

static message *new_message(mailbox *m)
{
  if (m->n == m->a) {
    size_t a = m->a ? m->a * 2 : 32;
    message *v = realloc(m->v, a * sizeof *v);
    if (!v) return 0;
    m->v = v;
    m->a = a;
  }
  return m->v + m->n++;
}

static void update(message *g, scan_file *f)
{
  if (g->letters != f->letters) g->state |= MESSAGE_CHANGED;
  g->letters = f->letters;
  free(g->odd);
  g->odd = f->odd;
  f->odd = 0;
  g->state &= ~(uint32_t)MESSAGE_NEW;
  if (f->new) g->state |= MESSAGE_NEW;
}

/* Records and messages are both in the order of UIDs. */
static int merge(mailbox *m, scan *s)
{
  size_t i = 0;
  for (size_t g = 0; g < m->n; g++) {
    while (i < m->uids.n && m->uids.v[i].uid < m->v[g].uid) i++;
    if (i < s->n && i < m->uids.n && m->uids.v[i].uid == m->v[g].uid &&
        s->file[i].seen)
      update(m->v + g, s->file + i);
    else
      m->v[g].state |= MESSAGE_GONE;
  }
  for (i = 0; i < m->uids.n && i < s->n; i++) {
    message *g;
    if (m->uids.v[i].uid <= m->last || !s->file[i].seen) continue;
    g = new_message(m);
    if (!g) return -1;
    *g = (message){.uid = m->uids.v[i].uid, .name = m->uids.v[i].name};
    update(g, s->file + i);
    g->state &= ~(uint32_t)MESSAGE_CHANGED;
    if (s->file[i].new) g->state |= MESSAGE_RECENT;
    m->last = g->uid;
  }
  return 1;
}

/* Where a file of new/ belongs; flags that it has there stay. */
static void path_in_cur(mailbox const *m, message const *g, char *to)
{
  message there = *g;
  there.state &= ~(uint32_t)MESSAGE_NEW;
  there.odd = 0;
  message_path(m, &there, to);
}

static int same_file(int dir, char const *a, char const *b)
{
  struct stat x, y;
  return fstatat(dir, a, &x, AT_SYMLINK_NOFOLLOW) == 0 &&
         fstatat(dir, b, &y, AT_SYMLINK_NOFOLLOW) == 0 &&
         x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* new/ to cur/: whoever does it has the message as \Recent. */
static void take_in(mailbox *m, message *g)
{
  char from[MAILBOX_PATH], to[MAILBOX_PATH];
  message_path(m, g, from);
  path_in_cur(m, g, to);
  m->times.unsure = 1;
  if (renameat2(m->dir, from, m->dir, to, RENAME_NOREPLACE) < 0) {
    if (errno == EEXIST && same_file(m->dir, from, to))
      unlinkat(m->dir, from, 0);
    else if (errno == ENOENT)
      g->state &= ~(uint32_t)MESSAGE_RECENT;
    else
      return;
  }
  free(g->odd);
  g->odd = 0;
  g->state &= ~(uint32_t)MESSAGE_NEW;
}

/* Letters that have a name */
static uint64_t named(mailbox const *m)
{
  uint64_t letters = 0;
  for (unsigned i = 0; i < KEYWORDS; i++)
    if (m->keys.name[i]) letters |= letter_keyword(i);
  return letters;
}

/* A letter may be in file names before its name is in the list. */
static void read_keywords(mailbox *m)
{
  uint64_t fresh = named(m);
  if (keywords_read(&m->keys, m->dir) <= 0) return;
  m->keys_changed = 1;
  fresh = named(m) & ~fresh;
  for (size_t g = 0; fresh && g < m->n; g++)
    if (m->v[g].letters & fresh) m->v[g].state |= MESSAGE_CHANGED;
}

static int is_same(mailbox const *m)
{
  struct stat st;
  return m->uids.validity && scan_same(m) &&
         fstatat(m->dir, UIDLIST_FILE, &st, 0) == 0 &&
         st.st_ino == m->uids.ino && st.st_size == m->uids.read;
}

int mailbox_sync(mailbox *m, int force)
{
  scan s = SCAN_ZERO;
  int r;
  read_keywords(m);
  if (!force && is_same(m)) return 1;
  r = find(m, &s);
  if (r > 0 && m->validity && m->validity != m->uids.validity)
    r = (errno = ESTALE, -1);
  if (r > 0) {
    m->validity = m->uids.validity;
    r = merge(m, &s);
    m->times = s.times;
  }
  scan_free(&s);
  for (size_t g = 0; r > 0 && !m->readonly && g < m->n; g++)
    if ((m->v[g].state & (MESSAGE_NEW | MESSAGE_GONE)) == MESSAGE_NEW)
      take_in(m, m->v + g);
  return r;
}
