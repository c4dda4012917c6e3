#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "unix.h"
#include "way.h"

void way_init(way *w, char const *socket, char const *const *prog)
{
  *w = (way){.socket = socket, .prog = prog, .station = STATION_ZERO};
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

static void leave(way *w)
{
  station_close(&w->station);
  if (!w->pid) return;
  if (w->broken) kill(-w->pid, SIGTERM);
  while (waitpid(-1, 0, WNOHANG) > 0)
    ;
  w->pid = 0;
}

int way_open(way *w, io_time deadline)
{
  w->touched = 0;
  if (station_idle(&w->station)) return 1;
  leave(w);
  w->broken = 0;
  if (w->socket) return station_open(&w->station, w->socket, deadline);
  return station_use(&w->station, spawn(w));
}

static int result(way *w, size_t before, int r)
{
  if (w->station.out.len <= before) w->touched = 1;
  if (r <= 0) w->touched = w->broken = 1;
  return r;
}

int way_put(way *w, char type, void const *s, size_t len, io_time deadline)
{
  size_t before = w->station.out.len;
  if (w->station.fd < 0 || w->broken) return errno = EPIPE, -1;
  return result(w, before, parcel_put(&w->station.out, type, s, len, deadline));
}

int way_message(way *w, void const *s, size_t len, io_time deadline)
{
  size_t before = w->station.out.len;
  if (!len) return 1;
  if (w->station.fd < 0 || w->broken) return errno = EPIPE, -1;
  return result(w, before,
                parcel_put_message(&w->station.out, s, len, deadline));
}

void way_drop(way *w)
{
  if (w->touched) {
    w->broken = 1;
    leave(w);
  }
  w->station.out.len = 0;
}

void way_refuse(way *w, char const *id, char const *reply, io_time deadline)
{
  char verdict[PARCEL_REPLY + 16];
  parcel_report said;
  if (w->touched && !w->broken) {
    int n = snprintf(verdict, sizeof verdict, "%s%c%.511s",
                     *reply == '5' ? "reject" : "defer", 0, reply);
    if (way_put(w, PARCEL_VERDICT, verdict, (size_t)n, deadline) > 0 &&
        way_finish(w, id, &said, 0, 0, deadline) > 0) {
      if (said.code < 400) log_warn("%s was refused, and taken", id);
      return;
    }
  }
  way_drop(w);
}

int way_finish(way *w, char const *id, parcel_report *final,
               void (*each)(parcel_report const *, void *), void *data,
               io_time deadline)
{
  int r = way_put(w, PARCEL_END, "", 0, deadline);
  if (r > 0) r = parcel_flush(&w->station.out, deadline);
  w->touched = 1;
  r = r > 0 ? station_reports(&w->station, id, final, each, data, deadline)
            : -1;
  if (r > 0 && line_pending(&w->station.in)) r = -1;
  if (r < 0) way_drop(w);
  w->touched = 0;
  return r;
}

int way_settle(way *w, char const *id, parcel_report *answer, io_time deadline)
{
  int r = way_put(w, PARCEL_SETTLE, "", 0, deadline);
  if (r > 0) r = parcel_flush(&w->station.out, deadline);
  w->touched = 1;
  if (r > 0 && station_answer(&w->station, id, answer, deadline) > 0) return 1;
  way_drop(w);
  return -1;
}

void way_free(way *w)
{
  leave(w);
  station_free(&w->station);
}
