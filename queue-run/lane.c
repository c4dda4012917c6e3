#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lane.h"

#define IDLE_MS 2000
#define GRACE 60 /* seconds that a lane's process gets beyond its own limit */

static void serve(run_config const *c, work_order const *o, work_result *r)
{
  static station s = STATION_ZERO;
  static char kind; /* of destination that s is for */
  if (*o->key == RUN_DOWN) {
    work_down(c, o, r);
    return;
  }
  if (*o->key != kind) station_close(&s);
  kind = *o->key;
  if (kind == RUN_BOUNCE)
    work_bounce(c, &s, o, r);
  else
    work(c, &s, o, r);
}

__attribute__((noreturn)) static void live(int fd, run_config const *c)
{
  work_order o;
  work_result r;
  sigset_t none;
  sigemptyset(&none);
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* the next queue-run tries it again */
  signal(SIGTERM, SIG_DFL);
  signal(SIGPIPE, SIG_IGN);
  sigprocmask(SIG_SETMASK, &none, 0);
  while (recv(fd, &o, sizeof o, 0) == (ssize_t)sizeof o) {
    serve(c, &o, &r);
    if (send(fd, &r, sizeof r, MSG_NOSIGNAL) != (ssize_t)sizeof r) break;
  }
  _exit(0);
}

int lane_start(lane *l, run_config const *c, lane const *others, unsigned n)
{
  int pair[2];
  pid_t pid;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
    return -1;
  pid = fork();
  if (pid < 0) {
    int e = errno;
    close(pair[0]);
    close(pair[1]);
    return errno = e, -1;
  }
  if (pid == 0) {
    close(pair[0]);
    for (unsigned i = 0; i < n; i++)
      if (others[i].fd >= 0) close(others[i].fd);
    live(pair[1], c);
  }
  close(pair[1]);
  *l = (lane){.pid = pid, .fd = pair[0], .deadline = io_after(IDLE_MS)};
  return 1;
}

void lane_turn(lane *l, destination *d)
{
  if (l->d) l->d->lanes--;
  l->d = d;
  l->done = 0;
  if (d) d->lanes++;
}

int lane_give(lane *l, run_config const *c, job *j)
{
  work_order o = {.unsure = j->t.unsure, .last = j->m->jobs == 1};
  queue_id_put(o.id, j->m->time, j->m->process);
  strcpy(o.key, j->d->key); /* no longer than a key is */
  if (j->d->reply) snprintf(o.reply, sizeof o.reply, "%s", j->d->reply);
  if (send(l->fd, &o, sizeof o, MSG_DONTWAIT | MSG_NOSIGNAL) !=
      (ssize_t)sizeof o)
    return -1;
  l->j = j;
  l->deadline = io_after(((int64_t)c->lane_seconds + GRACE) * 1000);
  return 1;
}

int lane_result(lane *l, work_result *r)
{
  ssize_t n;
  do n = recv(l->fd, r, sizeof *r, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n != (ssize_t)sizeof *r) return 0;
  l->deadline = io_after(IDLE_MS);
  l->done++;
  return 1;
}

void lane_end(lane *l)
{
  close(l->fd);
  l->fd = -1;
  lane_turn(l, 0);
  if (l->j) kill(l->pid, SIGKILL);
  while (waitpid(l->pid, 0, l->j ? 0 : WNOHANG) < 0 && errno == EINTR)
    ;
  l->j = 0;
}
