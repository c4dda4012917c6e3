/* CREATE, DELETE, RENAME (6.3.3 to 6.3.5). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/unix-transactional.h>

#include "emailid.h"
#include "folders.h"
#include "log.h"
#include "maildir.h"
#include "names.h"
#include "place.h"
#include "quota.h"
#include "session.h"
#include "special-use.h"

#define ID_SIZE 33
#define TRASH "..rohrpost-deleted" /* no mailbox name begins with a dot */

static int is_inbox(char const *dir)
{
  return !dir[1];
}

static void done(session *s, char const *what)
{
  session_update(s, 0, 1, 0);
  session_ok(s, what);
}

/* A new mailbox with its UIDVALIDITY; id (33 bytes): its MAILBOXID. 1, or -1
   (EEXIST) */
static int make(session *s, char const *dir, char *id)
{
  mailbox m;
  int r;
  if (mkdirat(s->root, dir, 0700) < 0) return -1;
  if (maildir_folder_make(".", dir) < 0) return -1;
  if (mailbox_open(&m, s->root, dir, 1) < 0) return -1;
  r = mailbox_sync(&m, 1);
  snprintf(id, ID_SIZE, "%s", m.uids.guid);
  mailbox_close(&m);
  return r;
}

static void make_failed(session *s)
{
  if (errno == EEXIST)
    session_no(s, "[ALREADYEXISTS] Mailbox already exists");
  else
    session_no_errno(s, "create a mailbox");
}

/* " (USE (\\Sent))" (RFC 6154 3): 1 or 0 */
static int create_options(parse *p, text *use, size_t *n)
{
  text t;
  *n = 0;
  if (p->s == p->end) return 1;
  if (!parse_sp(p) || !parse_char(p, '(') || !parse_atom(p, &t)) return 0;
  if (!text_is(&t, "USE")) {
    p->error = "Unknown parameter of CREATE";
    return 0;
  }
  if (!parse_sp(p) || !parse_char(p, '(')) return 0;
  while (!parse_peek(p, ')')) {
    char const *from = p->s;
    if ((*n && !parse_sp(p)) || (from = p->s, !parse_char(p, '\\')) ||
        !parse_atom(p, &t))
      return 0;
    *use = (text){.s = from, .len = t.len + 1};
    if (++*n > PARSE_LISTED) return 0;
  }
  p->s++;
  return parse_char(p, ')') && parse_end(p);
}

/* One mailbox has one use, and a use one mailbox. 1, or 0: said NO */
static int use_free(session *s, char const *use)
{
  int r = use ? special_use_taken(s->root, use) : 1;
  if (r < 0)
    session_no_errno(s, "list mailboxes");
  else if (r)
    session_no(s, "[USEATTR] No mailbox can get this special use");
  return !r;
}

/* RFC 9051 6.3.9.7: the client learns under which name it is now. */
static void tell_old_name(session *s, char const *name)
{
  out_puts(&s->o, "* LIST () \".\" ");
  session_put_name(s, name);
  out_puts(&s->o, " (\"OLDNAME\" (");
}

static void tell_normalized(session *s, char const *name, text const *old)
{
  tell_old_name(s, name);
  out_name(&s->o, old->s, old->len);
  out_line(&s->o, "))");
}

static void tell_renamed(session *s, char const *name, char const *old)
{
  if (!s->rev2) return;
  tell_old_name(s, name);
  session_put_name(s, old);
  out_line(&s->o, "))");
}

static void create(session *s, text name, char const *use)
{
  char dir[MAILDIR_NAME + 1], id[ID_SIZE], said[80];
  int changed;
  if (name.len > 1 && name.s[name.len - 1] == NAMES_DELIMITER) name.len--;
  if (name_is_inbox(name.s, name.len)) {
    session_no(s, "[ALREADYEXISTS] INBOX is always there");
  } else if (!session_new_name(&name, dir, &changed)) {
    session_no(s, "[CANNOT] Invalid mailbox name");
  } else if (make(s, dir, id) < 0) {
    make_failed(s);
  } else if (use && special_use_set(s->root, dir, use) < 0) {
    session_no_errno(s, "write a special use");
  } else {
    if (changed && s->rev2) tell_normalized(s, dir + 1, &name);
    snprintf(said, sizeof said, "[MAILBOXID (%s)] CREATE completed", id);
    done(s, said);
  }
}

void cmd_create(session *s, parse *p, int uid)
{
  text name, use;
  size_t n;
  char const *known = 0;
  (void)uid;
  if (!parse_sp(p) || !parse_astring(p, &name) ||
      !create_options(p, &use, &n)) {
    session_bad(s, p);
    return;
  }
  if (n == 1) known = special_use_known(&use);
  if (!n || use_free(s, known)) create(s, name, known);
}

/* Removes what is in a directory, two levels deep, and itself. */
static int remove_tree(int at, char const *name, unsigned levels)
{
  struct dirent *e;
  int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  DIR *d = fd < 0 ? 0 : fdopendir(fd);
  if (!d) {
    if (fd >= 0) close(fd);
    return -1;
  }
  while ((e = readdir(d)) != 0) {
    if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
    if (unlinkat(fd, e->d_name, 0) < 0 && levels)
      remove_tree(fd, e->d_name, levels - 1);
  }
  closedir(d);
  return unlinkat(at, name, AT_REMOVEDIR);
}

/* All of it, also what a process left that died over it. */
static void empty_trash(int root)
{
  DIR *d = opendir_at(root, ".");
  struct dirent *e;
  while (d && (e = readdir(d)) != 0)
    if (!strncmp(e->d_name, TRASH, strlen(TRASH)) &&
        remove_tree(root, e->d_name, 2) < 0 && errno != ENOENT)
      log_warnsys("unable to remove %s", e->d_name);
  if (d) closedir(d);
}

/* By a rename first, so that it goes at once or not at all. */
static int remove_mailbox(int root, char const *dir)
{
  static unsigned count;
  char trash[80];
  snprintf(trash, sizeof trash, TRASH ".%lld.%u.%u", (long long)time(0),
           (unsigned)getpid(), ++count);
  if (renameat2(root, dir, root, trash, RENAME_NOREPLACE) < 0) return -1;
  if (fsync(root) < 0) return -1;
  quota_forget(root);
  empty_trash(root);
  return 1;
}

static int is_selected(session const *s, char const *dir)
{
  struct stat a, b;
  return s->selected && fstat(s->box.dir, &a) == 0 &&
         fstatat(s->root, dir, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
         a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

void cmd_delete(session *s, parse *p, int uid)
{
  char dir[MAILDIR_NAME + 1];
  folders f = FOLDERS_ZERO;
  int r = parse_sp(p) ? session_mailbox(s, p, dir) : 0;
  (void)uid;
  if (r < 0) return;
  if (!r || !parse_end(p)) {
    session_bad(s, p);
    return;
  }
  if (is_inbox(dir)) {
    session_no(s, "[CANNOT] INBOX cannot be deleted");
    return;
  }
  if (is_selected(s, dir)) session_unselect(s);
  if (remove_mailbox(s->root, dir) > 0) {
    done(s, "DELETE completed");
  } else if (errno == ENOENT && folders_read(&f, s->root) > 0) {
    session_no(s, folders_has_children(&f, dir + 1, strlen(dir + 1))
                      ? "[CANNOT] Name has inferior hierarchical names"
                      : "[NONEXISTENT] No such mailbox");
    folders_free(&f);
  } else {
    session_no_errno(s, "delete a mailbox");
  }
}

/* Letters mean the same in both: the new one has no keywords yet. */
static int copy_keywords(keywords *to, keywords const *from, int dir)
{
  for (unsigned i = 0; i < KEYWORDS; i++) {
    if (!from->name[i]) continue;
    free(to->name[i]);
    to->name[i] = strdup(from->name[i]);
    if (!to->name[i]) return -1;
  }
  return keywords_write(to, dir);
}

/* What was moved when something fails stays there, and is found there. */
static int move_all(mailbox *m, place *to)
{
  if (mailbox_sync(m, 1) < 0 || place_lock(to) < 0 ||
      copy_keywords(&to->box.keys, &m->keys, to->box.dir) < 0)
    return -1;
  m->nolock = 1;
  to->moved = 1;
  for (size_t i = 0; i < m->n; i++) {
    char path[MAILBOX_PATH], guid[EMAILID_GUID];
    int r = place_path(path, message_base(m, m->v + i), m->v[i].letters);
    emailid_guid(m, m->v + i, guid);
    if (r > 0) r = message_transfer(m, m->v + i, to->box.dir, path, 1);
    if (r > 0) r = place_add_guid(to, path, guid);
    if (r < 0) return -1;
  }
  return place_commit(to);
}

/* All of INBOX into a new mailbox (6.3.5): INBOX itself stays, empty. */
static void rename_inbox(session *s, char const *dir)
{
  mailbox m;
  place to;
  char id[ID_SIZE];
  int r;
  if (make(s, dir, id) < 0) {
    make_failed(s);
    return;
  }
  if (mailbox_open(&m, s->root, ".", 1) < 0) {
    session_no_errno(s, "open INBOX");
    return;
  }
  r = place_open(&to, s->root, dir);
  if (r > 0) {
    int e;
    r = move_all(&m, &to);
    e = errno;
    place_keep(&to);
    place_close(&to);
    errno = e;
  }
  if (r < 0)
    session_no_errno(s, "rename INBOX");
  else
    done(s, "RENAME completed");
  mailbox_close(&m);
}

/* The new name of a mailbox that is from or below it; 0 if it is too long or
   taken. */
static int new_name(folders const *f, char *to, char const *old, size_t from,
                    char const *new)
{
  int n = snprintf(to, MAILDIR_NAME + 1, ".%s%s", new, old + from);
  return n <= MAILDIR_NAME && !folders_has(f, to + 1, strlen(to + 1));
}

static int is_below(char const *name, char const *from, size_t len)
{
  return !strncmp(name, from, len) &&
         (!name[len] || name[len] == NAMES_DELIMITER);
}

/* from and all below it; back: what was renamed gets its old name again. 1 or
   -1 */
static int rename_all(int root, folders const *f, char const *from,
                      char const *to, int back)
{
  size_t len = strlen(from);
  char a[MAILDIR_NAME + 1], b[MAILDIR_NAME + 1];
  for (size_t i = 0; i < f->n; i++) {
    if (!is_below(f->v[i], from, len)) continue;
    snprintf(a, sizeof a, ".%s", f->v[i]);
    snprintf(b, sizeof b, ".%s%s", to, f->v[i] + len);
    if (back)
      renameat2(root, b, root, a, RENAME_NOREPLACE);
    else if (renameat2(root, a, root, b, RENAME_NOREPLACE) < 0)
      return -1;
  }
  return 1;
}

static void rename_mailbox(session *s, char const *from, char const *to)
{
  folders f;
  char name[MAILDIR_NAME + 1];
  size_t len = strlen(from);
  char const *no = "[NONEXISTENT] No such mailbox";
  int n = 0;
  if (folders_read(&f, s->root) < 0) {
    session_no_errno(s, "list mailboxes");
    return;
  }
  for (size_t i = 0; i < f.n && n >= 0; i++) {
    if (!is_below(f.v[i], from, len)) continue;
    n = new_name(&f, name, f.v[i], len, to) ? 1 : -1;
  }
  if (n < 0) no = "[ALREADYEXISTS] A new name is taken, or too long";
  if (n > 0 && is_below(to, from, len)) {
    n = -1;
    no = "[CANNOT] A mailbox cannot go below itself";
  }
  if (n <= 0) {
    session_no(s, no);
  } else if (rename_all(s->root, &f, from, to, 0) < 0 || fsync(s->root) < 0) {
    int e = errno;
    rename_all(s->root, &f, from, to, 1);
    errno = e;
    session_no_errno(s, "rename a mailbox");
  } else {
    tell_renamed(s, to, from);
    done(s, "RENAME completed");
  }
  folders_free(&f);
}

void cmd_rename(session *s, parse *p, int uid)
{
  char from[MAILDIR_NAME + 1], to[MAILDIR_NAME + 1];
  text a, b;
  int changed;
  (void)uid;
  if (!parse_sp(p) || !parse_astring(p, &a) || !parse_sp(p) ||
      !parse_astring(p, &b) || !parse_end(p)) {
    session_bad(s, p);
    return;
  }
  if (b.len > 1 && b.s[b.len - 1] == NAMES_DELIMITER) b.len--;
  if (!session_directory(&a, from) || !session_new_name(&b, to, &changed))
    session_no(s, "[CANNOT] Invalid mailbox name");
  else if (is_inbox(to))
    session_no(s, "[ALREADYEXISTS] INBOX is always there");
  else if (is_inbox(from))
    rename_inbox(s, to);
  else
    rename_mailbox(s, from + 1, to + 1);
}
