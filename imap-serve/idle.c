/* IDLE (RFC 2177): a watch says that something has changed, a look at the
   mailbox says what. */
#include <errno.h>
#include <poll.h>
#include <strings.h>

#include "io.h"
#include "notify.h"
#include "session.h"
#include "watch.h"

/* Of the selected mailbox: what comes to it, flags, and the mailbox itself,
   because new keywords come by a rename. fd is -1: poll instead. */
static void watch_selected(session *s, watch *w)
{
  if (!s->selected || !watch_open(w)) return;
  if (watch_add(w, s->box.new) < 0 || watch_add(w, s->box.cur) < 0 ||
      watch_add(w, s->box.dir) < 0)
    watch_close(w);
}

static void unwatch(session *s, watch *w)
{
  if (s->selected) {
    watch_remove(w, s->box.new);
    watch_remove(w, s->box.cur);
    watch_remove(w, s->box.dir);
  }
  watch_close(w);
}

/* Until the client says something. 1; 0: it is too long */
static int wait_client(session *s, watch *w, io_time until)
{
  while (!s->closing && !input_ready(&s->in)) {
    struct pollfd p[2] = {{.fd = s->in.fd, .events = POLLIN},
                          {.fd = w->fd, .events = POLLIN}};
    int left = io_left(until), n;
    if (!left) return 0;
    if (s->selected && w->fd < 0 && left > WATCH_POLL_MS) left = WATCH_POLL_MS;
    if (out_flush(&s->o) < 0) return 1;
    session_waits(1);
    n = poll(p, 2, left);
    session_waits(0);
    if (n < 0 && errno != EINTR) return 1;
    if (n > 0 && p[0].revents) continue;
    if (n > 0 && p[1].revents) watch_drain(w);
    session_update(s, n > 0, 1, 0);
  }
  return 1;
}

void cmd_idle(session *s, parse *p, int uid)
{
  watch w = WATCH_ZERO;
  int good;
  (void)uid;
  if (!parse_end(p)) {
    session_bad(s, p);
    return;
  }
  if (!notify_active()) watch_selected(s, &w);
  out_line(&s->o, "+ idling");
  session_update(s, 1, 1, 0);
  good = notify_active() ? notify_wait(s, 1, io_after(SESSION_IDLE_MS))
                         : wait_client(s, &w, io_after(SESSION_IDLE_MS));
  unwatch(s, &w);
  if (!good) {
    out_line(&s->o, "* BYE [UNAVAILABLE] Autologout; idle for too long");
    s->closing = 1;
  }
  if (s->closing) return;
  if (!parse_next_line(p)) {
    session_bad(s, p);
    return;
  }
  if (p->end - p->s != 4 || strncasecmp(p->s, "DONE", 4)) {
    p->error = "Expected DONE";
    session_bad(s, p);
    return;
  }
  session_update(s, 0, 1, 0);
  session_ok(s, "IDLE completed");
}
