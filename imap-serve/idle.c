/* IDLE (RFC 2177): inotify says that something has changed, a look at the
   mailbox says what. Where no watch can be had (there are few instances per
   user), the directories' times are polled. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <strings.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "io.h"
#include "session.h"

#define POLL_MS 2000
#define EVENTS (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)

/* By the descriptor that is open, so that a rename of the mailbox does not
   matter. */
static int watch_dir(int in, int dir, uint32_t events)
{
  char path[40];
  snprintf(path, sizeof path, "/proc/self/fd/%d", dir);
  return inotify_add_watch(in, path, events | IN_ONLYDIR);
}

/* -1: poll instead */
static int watch(session *s)
{
  int in;
  if (!s->selected) return -1;
  in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (in < 0) return -1;
  /* the mailbox itself: new keywords come by a rename */
  if (watch_dir(in, s->box.new, EVENTS) < 0 ||
      watch_dir(in, s->box.cur, EVENTS) < 0 ||
      watch_dir(in, s->box.dir, IN_MOVED_TO) < 0) {
    close(in);
    return -1;
  }
  return in;
}

static void drain(int in)
{
  char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
  while (read(in, buf, sizeof buf) > 0)
    ;
}

/* Until the client says something. 1; 0: it is too long */
static int wait_client(session *s, int in, io_time until)
{
  while (!s->closing && !input_ready(&s->in)) {
    struct pollfd p[2] = {{.fd = s->in.fd, .events = POLLIN},
                          {.fd = in, .events = POLLIN}};
    int left = io_left(until), n;
    if (!left) return 0;
    if (s->selected && in < 0 && left > POLL_MS) left = POLL_MS;
    if (out_flush(&s->o) < 0) return 1;
    session_waits(1);
    n = poll(p, in < 0 ? 1 : 2, left);
    session_waits(0);
    if (n < 0 && errno != EINTR) return 1;
    if (n > 0 && p[0].revents) continue;
    if (in >= 0 && n > 0 && p[1].revents) drain(in);
    session_update(s, n > 0, 1, 0);
  }
  return 1;
}

void cmd_idle(session *s, parse *p, int uid)
{
  int in, good;
  (void)uid;
  if (!parse_end(p)) {
    session_bad(s, p);
    return;
  }
  in = watch(s);
  out_line(&s->o, "+ idling");
  session_update(s, 1, 1, 0);
  good = wait_client(s, in, io_after(SESSION_IDLE_MS));
  if (in >= 0) close(in);
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
