#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "letters.h"
#include "mailbox.h"
#include "names.h"
#include "notify-tree.h"

static void directory(char *to, char const *name)
{
  snprintf(to, MAILDIR_NAME + 2, ".%s", strcmp(name, "INBOX") ? name : "");
}

static void box_free(notify_box *b)
{
  for (unsigned i = 0; i < 3; i++)
    if (b->fd[i] >= 0) close(b->fd[i]);
  facts_free(&b->known);
}

void notify_tree_free(notify_tree *t)
{
  for (size_t i = 0; i < t->n; i++) box_free(t->v + i);
  free(t->v);
  free(t->name);
  *t = (notify_tree){0};
}

/* A time so young that another change may get the same one is not kept. */
static void unsure(struct timespec *t)
{
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (now.tv_sec - t->tv_sec <= 1) t->tv_nsec = -1;
}

static int times(notify_box const *b, struct timespec *to)
{
  for (unsigned i = 0; i < 2; i++) {
    struct stat st;
    if (fstat(b->fd[i + 1], &st) < 0) return -1;
    to[i] = st.st_mtim;
  }
  return 1;
}

int notify_box_same(notify_box const *b, int root)
{
  struct timespec now[2];
  (void)root;
  return times(b, now) > 0 && !memcmp(now, b->time, sizeof now);
}

int notify_box_count(notify_box *b, int root)
{
  char dir[MAILDIR_NAME + 2];
  mailbox m;
  int r;
  directory(dir, b->name);
  if (times(b, b->time) < 0 || mailbox_open(&m, root, dir, 1) < 0) return -1;
  r = mailbox_sync(&m, 1);
  b->counts =
      (notify_counts){.next = mailbox_uidnext(&m), .validity = m.uids.validity};
  for (size_t i = 0; i < m.n; i++) {
    if (m.v[i].state & MESSAGE_GONE) continue;
    b->counts.messages++;
    b->counts.unseen += !(m.v[i].letters & letter_bit('S'));
  }
  mailbox_close(&m);
  unsure(b->time);
  unsure(b->time + 1);
  return r;
}

static int box_open(notify_box *b, int root, char const *name, unsigned events)
{
  static char const *const sub[3] = {".", "new", "cur"};
  char dir[MAILDIR_NAME + 2];
  struct stat st;
  int at;
  *b = (notify_box){.events = events, .fd = {-1, -1, -1}};
  snprintf(b->name, sizeof b->name, "%s", name);
  directory(dir, name);
  at = openat(root, dir, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (at < 0) return -1;
  for (unsigned i = 0; i < 3; i++)
    b->fd[i] = openat(at, sub[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  close(at);
  if (b->fd[0] < 0 || b->fd[1] < 0 || b->fd[2] < 0 ||
      fstat(b->fd[0], &st) < 0) {
    box_free(b);
    return -1;
  }
  b->dev = st.st_dev;
  b->ino = st.st_ino;
  facts_read(&b->known, b->fd[0]);
  return 1;
}

static int add_box(notify_tree *t, int root, char const *name, unsigned events)
{
  notify_box *v;
  if (t->n == NOTIFY_WATCHED) return 0;
  v = realloc(t->v, (t->n + 1) * sizeof *v);
  if (!v) return -1;
  t->v = v;
  if (box_open(v + t->n, root, name, events) < 0) return 1; /* it is gone */
  if (events & NOTIFY_MESSAGES) notify_box_count(v + t->n, root);
  t->n++;
  return 1;
}

static ino_t inode(int root, char const *name)
{
  char dir[MAILDIR_NAME + 2];
  struct stat st;
  directory(dir, name);
  return fstatat(root, dir, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : st.st_ino;
}

int notify_tree_begin(notify_tree *t, int root, notify_wish const *w)
{
  list_tree l;
  struct stat st;
  int r = 1;
  *t = (notify_tree){0};
  if (fstat(root, &st) < 0 || list_tree_read(&l, root, 1) < 0) return -1;
  t->time = st.st_mtim;
  unsure(&t->time);
  t->name = calloc(l.n + 1, sizeof *t->name);
  if (!t->name) r = -1;
  for (size_t i = 0; r > 0 && i < l.n; i++) {
    list_name const *n = l.v + i;
    unsigned events = notify_events(w, n->name, n->flags & NAME_SUBSCRIBED);
    notify_name *to = t->name + t->names++;
    snprintf(to->name, sizeof to->name, "%s", n->name);
    to->flags = n->flags;
    if (n->flags & NAME_EXISTS) to->ino = inode(root, n->name);
    if (n->flags & NAME_EXISTS &&
        events & (NOTIFY_MESSAGES | NOTIFY_METADATA | NOTIFY_SERVER))
      r = add_box(t, root, n->name, events);
  }
  list_tree_free(&l);
  if (r <= 0) notify_tree_free(t);
  return r;
}

int notify_tree_changed(notify_tree const *t, int root)
{
  struct stat st;
  return fstat(root, &st) == 0 && (st.st_mtim.tv_sec != t->time.tv_sec ||
                                   st.st_mtim.tv_nsec != t->time.tv_nsec);
}

static notify_name const *find(notify_tree const *t, char const *name)
{
  for (size_t i = 0; i < t->names; i++)
    if (!strcmp(t->name[i].name, name)) return t->name + i;
  return 0;
}

static notify_name const *by_inode(notify_tree const *t, ino_t ino)
{
  for (size_t i = 0; ino && i < t->names; i++)
    if (t->name[i].ino == ino) return t->name + i;
  return 0;
}

static void put_list(session *s, char const *name, uint32_t flags,
                     char const *old)
{
  out_puts(&s->o, flags & NAME_EXISTS ? "* LIST (" : "* LIST (\\NonExistent ");
  out_puts(&s->o, flags & NAME_CHILDREN ? "\\HasChildren" : "\\HasNoChildren");
  if (flags & NAME_SUBSCRIBED) out_puts(&s->o, " \\Subscribed");
  out_puts(&s->o, ") \".\" ");
  session_put_name(s, name);
  if (old) {
    out_puts(&s->o, " (\"OLDNAME\" (");
    session_put_name(s, old);
    out_puts(&s->o, "))");
  }
  out_puts(&s->o, "\r\n");
}

/* Whether the level above went the same way: its children are not told of */
static int with_parent(notify_tree const *from, notify_tree const *to,
                       notify_name const *old, notify_name const *new)
{
  char a[MAILDIR_NAME + 1], b[MAILDIR_NAME + 1];
  char *x, *y;
  notify_name const *was, *is;
  snprintf(a, sizeof a, "%s", old->name);
  snprintf(b, sizeof b, "%s", new->name);
  x = strrchr(a, NAMES_DELIMITER);
  y = strrchr(b, NAMES_DELIMITER);
  if (!x || !y || strcmp(x, y)) return 0;
  *x = *y = 0;
  was = find(from, a);
  is = find(to, b);
  return was && is && was->ino && was->ino == is->ino && strcmp(a, b);
}

static unsigned wanted(notify_wish const *w, notify_name const *n)
{
  return notify_events(w, n->name, (n->flags & NAME_SUBSCRIBED) != 0);
}

static void tell_now(session *s, notify_wish const *w, notify_tree const *old,
                     notify_tree const *new, notify_name const *n)
{
  notify_name const *was = find(old, n->name);
  unsigned events = wanted(w, n);
  int existed = was && was->flags & NAME_EXISTS;
  int subscribed = was && was->flags & NAME_SUBSCRIBED;
  if (events & NOTIFY_NAME && n->flags & NAME_EXISTS && !existed) {
    notify_name const *from = by_inode(old, n->ino);
    if (from && find(new, from->name) &&
        find(new, from->name)->flags & NAME_EXISTS)
      from = 0;
    if (!from || !with_parent(old, new, from, n))
      put_list(s, n->name, n->flags, from ? from->name : 0);
  } else if ((events | (was ? wanted(w, was) : 0)) & NOTIFY_SUBSCRIPTION &&
             subscribed != !!(n->flags & NAME_SUBSCRIBED)) {
    put_list(s, n->name, n->flags, 0);
  }
}

static void tell_then(session *s, notify_wish const *w, notify_tree const *new,
                      notify_name const *was)
{
  notify_name const *n = find(new, was->name);
  unsigned events = wanted(w, was);
  if (was->flags & NAME_EXISTS && (!n || !(n->flags & NAME_EXISTS))) {
    if (events & NOTIFY_NAME && !by_inode(new, was->ino))
      put_list(s, was->name, n ? n->flags : 0, 0);
  } else if (!n && was->flags & NAME_SUBSCRIBED &&
             events & NOTIFY_SUBSCRIPTION) {
    put_list(s, was->name, 0, 0);
  }
}

/* What the client knows of mailboxes that stay is kept. */
static void keep(notify_tree *old, notify_tree *new)
{
  for (size_t i = 0; i < new->n; i++)
    for (size_t k = 0; k < old->n; k++) {
      if (old->v[k].ino != new->v[i].ino || old->v[k].dev != new->v[i].dev)
        continue;
      memcpy(new->v[i].time, old->v[k].time, sizeof new->v[i].time);
      new->v[i].counts = old->v[k].counts;
      facts_free(&new->v[i].known);
      new->v[i].known = old->v[k].known;
      old->v[k].known = (facts)FACTS_ZERO;
    }
}

int notify_tree_update(notify_tree *t, session *s, notify_wish const *w)
{
  notify_tree new;
  int r = notify_tree_begin(&new, s->root, w);
  if (r <= 0) return r;
  for (size_t i = 0; i < t->names; i++) tell_then(s, w, &new, t->name + i);
  for (size_t i = 0; i < new.names; i++) tell_now(s, w, t, &new, new.name + i);
  keep(t, &new);
  notify_tree_free(t);
  *t = new;
  return 1;
}

typedef struct differing {
  session *s;
  notify_box const *b;
  char const *word;
  facts const *other;
  int removed; /* only those that the other has not */
  int *some;
} differing;

static int differs(char const *name, char const *value, size_t len, void *data)
{
  differing *d = data;
  char key[FACTS_KEY + 16];
  stralloc other = STRALLOC_ZERO;
  int r, same;
  snprintf(key, sizeof key, "%s %s", d->word, name);
  r = facts_get(d->other, key, &other);
  same = r > 0 &&
         (d->removed || (other.len == len && !memcmp(other.s, value, len)));
  stralloc_free(&other);
  if (r < 0 || same) return 1;
  if (!*d->some) {
    out_puts(&d->s->o, "* METADATA ");
    if (*d->word == 's')
      out_puts(&d->s->o, "\"\"");
    else
      session_put_name(d->s, d->b->name);
  }
  *d->some = 1;
  out_puts(&d->s->o, " ");
  out_puts(&d->s->o, name);
  return 1;
}

static void compare(session *s, notify_box const *b, facts const *now,
                    char const *word)
{
  int some = 0;
  differing d = {
      .s = s, .b = b, .word = word, .other = &b->known, .some = &some};
  facts_each(now, word, differs, &d);
  d.other = now;
  d.removed = 1;
  facts_each(&b->known, word, differs, &d);
  if (some) out_puts(&s->o, "\r\n");
}

void notify_box_metadata(session *s, notify_box *b)
{
  facts now = FACTS_ZERO;
  struct stat st;
  if (!(b->events & (NOTIFY_METADATA | NOTIFY_SERVER))) return;
  if (fstatat(b->fd[0], FACTS_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
      st.st_ino == b->known.ino && st.st_size == b->known.size)
    return;
  if (facts_read(&now, b->fd[0]) <= 0) return;
  if (b->events & NOTIFY_METADATA) compare(s, b, &now, "meta");
  if (b->events & NOTIFY_SERVER && !strcmp(b->name, "INBOX"))
    compare(s, b, &now, "server");
  facts_free(&b->known);
  b->known = now;
}
