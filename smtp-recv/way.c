#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unix.h"
#include "way.h"

void way_init(way *w, char const *socket, char const *const *prog)
{
  *w = (way){.socket = socket, .prog = prog, .fd = -1};
}

/* The pipeline is a process group of its own, so that a broken one can be
   ended whole. */
static int spawn(way *w)
{
  int s[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) < 0) return -1;
  w->pid = fork();
  if (w->pid == 0) {
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    if (dup2(s[1], 0) < 0 || dup2(s[1], 1) < 0) _exit(111);
    close_range(3, ~0U, 0); /* UCSPI-TLS brings descriptors of its own */
    execvp(w->prog[0], (char *const *)(uintptr_t)w->prog);
    _exit(errno == ENOENT ? 127 : 126);
  }
  close(s[1]);
  if (w->pid < 0) {
    close(s[0]);
    return w->pid = 0, -1;
  }
  setpgid(w->pid, w->pid);
  return s[0];
}

/* Anything to read between parcels is a report too many, or the end. */
static int quiet(int fd)
{
  struct pollfd p = {.fd = fd, .events = POLLIN};
  return poll(&p, 1, 0) == 0;
}

int way_open(way *w, io_time deadline)
{
  if (w->fd >= 0 && quiet(w->fd)) return w->touched = 0, 1;
  way_close(w);
  w->fd = w->socket ? unix_connect(w->socket, deadline) : spawn(w);
  if (w->fd < 0) return -1;
  if (!w->out.buf && parcel_out_init(&w->out, w->fd, w->fd) < 0) {
    way_close(w);
    return errno = ENOMEM, -1;
  }
  w->out.fd = w->out.report = w->fd;
  w->out.len = 0;
  line_init(&w->reports, w->fd, w->lines, sizeof w->lines);
  w->touched = w->broken = 0;
  return 1;
}

void way_close(way *w)
{
  if (w->fd >= 0) close(w->fd);
  w->fd = -1;
  if (!w->pid) return;
  if (w->broken) kill(-w->pid, SIGTERM);
  while (waitpid(-1, 0, WNOHANG) > 0)
    ;
  w->pid = 0;
}

static int result(way *w, size_t before, int r)
{
  if (w->out.len <= before) w->touched = 1;
  if (r <= 0) w->touched = w->broken = 1;
  return r;
}

int way_put(way *w, char type, void const *s, size_t len, io_time deadline)
{
  size_t before = w->out.len;
  if (w->fd < 0 || w->broken) return errno = EPIPE, -1;
  return result(w, before, parcel_put(&w->out, type, s, len, deadline));
}

int way_message(way *w, void const *s, size_t len, io_time deadline)
{
  size_t before = w->out.len;
  if (!len) return 1;
  if (w->fd < 0 || w->broken) return errno = EPIPE, -1;
  return result(w, before, parcel_put_message(&w->out, s, len, deadline));
}

void way_drop(way *w)
{
  if (w->touched) {
    w->broken = 1;
    way_close(w);
  }
  w->out.len = 0;
}

static int report(way *w, char const *id, parcel_report *final,
                  void (*each)(parcel_report const *, void *), void *data,
                  io_time deadline)
{
  for (;;) {
    if (parcel_report_get(&w->reports, final, deadline) <= 0) return -1;
    if (final->kind == 'R') break;
    if (final->kind != 'T') return -1;
    if (each) each(final, data);
  }
  if (strcmp(final->id, id)) return -1;
  return line_pending(&w->reports) ? -1 : 1;
}

int way_finish(way *w, char const *id, parcel_report *final,
               void (*each)(parcel_report const *, void *), void *data,
               io_time deadline)
{
  int r = way_put(w, PARCEL_END, "", 0, deadline);
  if (r > 0) r = parcel_flush(&w->out, deadline);
  w->touched = 1;
  r = r > 0 ? report(w, id, final, each, data, deadline) : -1;
  if (r < 0) way_drop(w);
  w->touched = 0;
  return r;
}

int way_settle(way *w, char const *id, parcel_report *answer, io_time deadline)
{
  int r = way_put(w, PARCEL_SETTLE, "", 0, deadline);
  if (r > 0) r = parcel_flush(&w->out, deadline);
  w->touched = 1;
  if (r > 0 && parcel_report_get(&w->reports, answer, deadline) > 0 &&
      answer->kind == 'Q' && !strcmp(answer->id, id))
    return 1;
  way_drop(w);
  return -1;
}

void way_free(way *w)
{
  way_close(w);
  parcel_out_free(&w->out);
}
