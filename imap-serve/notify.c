/* What happens in mailboxes, for a client that said NOTIFY SET. A watch only
   says that something has; each mailbox's times say where, and what it holds
   is then compared with what the client knows. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "facts-file.h"
#include "notify-tree.h"
#include "notify.h"
#include "status.h"
#include "watch.h"

static notify_wish wish;
static notify_tree tree;
static int active;
static int unwatched; /* mailboxes are others than those that are watched */

int notify_active(void)
{
  return active;
}

static void forget(void)
{
  for (size_t i = 0; i < wish.names; i++) free(wish.name[i]);
  notify_tree_free(&tree);
  wish = (notify_wish){.selected = -1};
}

static notify_group const *selected(void)
{
  return wish.selected < 0 ? 0 : wish.group + wish.selected;
}

/* RFC 5465 5.2: new messages of the selected mailbox, with their items */
static void fetch_new(session *s, uint32_t from, uint32_t to)
{
  char line[NOTIFY_ATTS + 64];
  input_mark mark = input_marked(&s->in);
  parse p;
  int n;
  if (!wish.atts[0] || to <= from) return;
  n = snprintf(line, sizeof line, " %lu:%lu %s", (unsigned long)from + 1,
               (unsigned long)to, wish.atts);
  parse_begin(&p, &s->in, line, (size_t)n);
  s->silent = 1;
  cmd_fetch(s, &p, 0);
  s->silent = 0;
  input_release(&s->in, &mark);
}

static void tell_selected(session *s, int idle)
{
  notify_group const *g = selected();
  uint32_t before = s->exists;
  if (!s->selected || !g || !g->events) return;
  session_update(s, 0, idle || g->kind == NOTIFY_SELECTED, 1);
  fetch_new(s, before, s->exists);
}

static int is_selected(session const *s, notify_box const *b)
{
  struct stat a;
  return s->selected && fstat(s->box.dir, &a) == 0 && a.st_ino == b->ino &&
         a.st_dev == b->dev;
}

static void put_status(session *s, notify_box const *b, char const *items)
{
  char dir[MAILDIR_NAME + 2];
  status_items which;
  parse p;
  input_mark mark = input_marked(&s->in);
  parse_begin(&p, &s->in, items, strlen(items));
  snprintf(dir, sizeof dir, ".%s", strcmp(b->name, "INBOX") ? b->name : "");
  if (status_parse(&p, &which)) status_put(s, dir, b->name, &which);
  input_release(&s->in, &mark);
}

static void tell_box(session *s, notify_box *b)
{
  notify_counts was = b->counts;
  if (notify_box_same(b, s->root) || notify_box_count(b, s->root) < 0) return;
  if (is_selected(s, b)) return;
  if (b->events & NOTIFY_FLAGS &&
      (was.unseen != b->counts.unseen || was.validity != b->counts.validity))
    put_status(s, b, "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)");
  else if (b->events & NOTIFY_MESSAGES &&
           (was.next != b->counts.next || was.messages != b->counts.messages))
    put_status(s, b, "(MESSAGES UIDNEXT UIDVALIDITY)");
}

static void tell_all(session *s, int idle)
{
  tell_selected(s, idle);
  if (notify_tree_changed(&tree, s->root)) {
    int r = notify_tree_update(&tree, s, &wish);
    unwatched = 1;
    if (r <= 0) {
      out_line(&s->o, "* OK [NOTIFICATIONOVERFLOW] Too many mailboxes");
      forget();
      active = 1; /* as after NOTIFY NONE */
      s->deaf = 1;
      return;
    }
  }
  for (size_t i = 0; i < tree.n && !s->o.dead; i++) {
    if (tree.v[i].events & NOTIFY_MESSAGES) tell_box(s, tree.v + i);
    notify_box_metadata(s, tree.v + i);
  }
}

static void watch_all(session *s, watch *w)
{
  if (!watch_open(w)) return;
  if (s->selected) {
    watch_add(w, s->box.new);
    watch_add(w, s->box.cur);
    watch_add(w, s->box.dir);
  }
  watch_add(w, s->root);
  for (size_t i = 0; i < tree.n; i++)
    for (unsigned k = 0; k < 3; k++)
      if (tree.v[i].fd[k] >= 0) watch_add(w, tree.v[i].fd[k]);
}

int notify_wait(session *s, int idle, io_time until)
{
  watch w = WATCH_ZERO;
  int left = 1;
  unwatched = 1;
  while (!s->closing && !input_ready(&s->in) && (left = io_left(until))) {
    struct pollfd p[2] = {{.fd = s->in.fd, .events = POLLIN}};
    if (unwatched) {
      unwatched = 0;
      watch_close(&w);
      watch_all(s, &w);
    }
    tell_all(s, idle);
    if (unwatched) continue;
    if (w.fd < 0 && left > WATCH_POLL_MS) left = WATCH_POLL_MS;
    if (s->closing || out_flush(&s->o) < 0) break;
    p[1] = (struct pollfd){.fd = w.fd, .events = POLLIN};
    session_waits(1);
    if (poll(p, 2, left) < 0 && errno != EINTR) break;
    session_waits(0);
    if (p[1].revents) watch_drain(&w);
  }
  session_waits(0);
  watch_close(&w);
  return left != 0;
}

void cmd_notify(session *s, parse *p, int uid)
{
  static notify_wish new;
  int none;
  (void)uid;
  new = (notify_wish){.selected = -1};
  if (!notify_parse(p, &new, &none)) {
    for (size_t i = 0; i < new.names; i++) free(new.name[i]);
    session_bad(s, p);
    return;
  }
  forget();
  wish = new;
  active = 1;
  s->deaf = 0;
  session_update(s, 0, 1, 1);
  if (!none && notify_tree_begin(&tree, s->root, &wish) <= 0) {
    forget();
    s->deaf = 1;
    session_no(s, "[NOTIFICATIONOVERFLOW] Too many mailboxes");
    return;
  }
  s->deaf = none || !selected() || !selected()->events;
  for (size_t i = 0; wish.status && i < tree.n; i++)
    if (tree.v[i].events & NOTIFY_MESSAGES && !is_selected(s, tree.v + i))
      put_status(s, tree.v + i,
                 tree.v[i].events & NOTIFY_FLAGS
                     ? "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)"
                     : "(MESSAGES UIDNEXT UIDVALIDITY)");
  session_ok(s, "NOTIFY completed");
}
