/* One poll loop over the door, the instances and the clients. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "log.h"
#include "pool.h"
#include "unix.h"

#define WAIT_MS (60 * 1000)  /* for an instance */
#define GRACE_MS (60 * 1000) /* for parcels under way at SIGTERM */
#define EXIT_MS (5 * 1000)   /* for instances to end */
#define PAUSE_MS 200

static volatile sig_atomic_t stopping;

static void on_signal(int sig)
{
  if (sig == SIGTERM) stopping = 1;
}

static void client_end(pool *p, int n)
{
  close(p->clients[n].fd);
  p->clients[n] = (pool_client){.fd = -1};
}

static int free_client(pool const *p)
{
  for (unsigned n = 0; n < p->s->max; n++)
    if (p->clients[n].fd < 0) return (int)n;
  return -1;
}

/* 1, or 0 if a pause is better than trying again */
static int take(pool *p)
{
  pid_t pid;
  uid_t uid = (uid_t)-1;
  gid_t gid;
  int n = free_client(p), fd = accept4(0, 0, 0, SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return 1;
    log_warnsys("unable to accept");
    return 0;
  }
  unix_peer(fd, &pid, &uid, &gid);
  if (n < 0 || !serve_allowed(p->s, uid))
    close(fd);
  else
    p->clients[n].fd = fd;
  return 1;
}

static pool_instance *instance_of(pool *p, int client)
{
  for (unsigned n = 0; n < p->ninstances; n++)
    if (p->instances[n].fd >= 0 && p->instances[n].client == client)
      return p->instances + n;
  return 0;
}

static int longest_waiting(pool const *p)
{
  int best = -1;
  for (unsigned n = 0; n < p->s->max; n++)
    if (p->clients[n].fd >= 0 && p->clients[n].waiting &&
        (best < 0 || p->clients[n].turn < p->clients[best].turn))
      best = (int)n;
  return best;
}

static void lend_all(pool *p)
{
  for (unsigned n = 0; n < p->ninstances; n++) {
    pool_instance *i = p->instances + n;
    int client;
    if (i->fd < 0 || i->client >= 0) continue;
    client = longest_waiting(p);
    if (client < 0) return;
    instance_lend(p, i, client);
  }
}

/* Beyond the warm instances only as many as clients wait for. */
static void staff(pool *p)
{
  unsigned n;
  for (n = 0; n < p->warm; n++) instance_start(p, p->instances + n);
  lend_all(p);
  for (; n < p->ninstances && longest_waiting(p) >= 0; n++) {
    instance_start(p, p->instances + n);
    lend_all(p);
  }
}

/* Of the instances whose clients say nothing that for longest, if clients wait
   and no other is left to be lent or started; else 0. */
static pool_instance *most_stalled(pool *p)
{
  pool_instance *best = 0;
  if (longest_waiting(p) < 0) return 0;
  for (unsigned n = 0; n < p->ninstances; n++) {
    pool_instance *i = p->instances + n;
    if (i->fd < 0 || i->client < 0) return 0;
    if (instance_stalled(i) && (!best || i->moved < best->moved)) best = i;
  }
  return best;
}

static io_time stalled_until(pool const *p, pool_instance const *i)
{
  return i->moved + (io_time)p->stall * 1000;
}

/* Slow clients may fill the pool, but not keep it. */
static void make_room(pool *p)
{
  pool_instance *i = most_stalled(p);
  if (!i || io_left(stalled_until(p, i))) return;
  log_warn("a client that waits gets the instance of one that stalls");
  client_end(p, i->client);
  instance_end(i, 0);
}

static void expire(pool *p)
{
  for (unsigned n = 0; n < p->s->max; n++)
    if (p->clients[n].waiting && !io_left(p->clients[n].deadline)) {
      log_warn("no instance was free in time");
      client_end(p, (int)n);
    }
  for (unsigned n = 0; n < p->ninstances; n++) {
    pool_instance *i = p->instances + n;
    if (i->fd < 0 || io_left(i->deadline)) continue;
    if (i->client >= 0) {
      log_warn("an instance took too long");
      client_end(p, i->client);
      instance_end(i, 1);
    } else if (n >= p->warm) {
      instance_end(i, 0);
    }
  }
}

static void sooner(int *ms, io_time t)
{
  int left = io_left(t);
  if (*ms < 0 || left < *ms) *ms = left;
}

static int next_deadline(pool *p)
{
  int ms = -1, waiting = longest_waiting(p) >= 0;
  pool_instance const *stalled = most_stalled(p);
  if (stalled) sooner(&ms, stalled_until(p, stalled));
  for (unsigned n = 0; n < p->ninstances; n++) {
    pool_instance const *i = p->instances + n;
    if (i->fd >= 0 && (i->client >= 0 || n >= p->warm))
      sooner(&ms, i->deadline);
    else if (i->fd < 0 && (n < p->warm || waiting))
      sooner(&ms, i->start);
  }
  for (unsigned n = 0; n < p->s->max; n++)
    if (p->clients[n].waiting) sooner(&ms, p->clients[n].deadline);
  return ms;
}

/* fds: the door, then one for each instance, then one for each client */
static void prepare(pool *p, struct pollfd *fds)
{
  struct pollfd *c = fds + 1 + p->ninstances;
  fds[0] = (struct pollfd){.fd = stopping || free_client(p) < 0 ? -1 : 0,
                           .events = POLLIN};
  for (unsigned n = 0; n < p->s->max; n++) {
    int idle = p->clients[n].fd >= 0 && !p->clients[n].waiting;
    c[n] =
        (struct pollfd){.fd = idle ? p->clients[n].fd : -1, .events = POLLIN};
  }
  for (unsigned n = 0; n < p->ninstances; n++) {
    pool_instance const *i = p->instances + n;
    fds[1 + n] = (struct pollfd){.fd = i->fd, .events = POLLIN};
    if (i->fd < 0 || i->client < 0) continue;
    /* No wish, no poll: a hang-up would be told of for ever. */
    fds[1 + n].events = instance_wants(i);
    if (!fds[1 + n].events) fds[1 + n].fd = -1;
    c[i->client].events = instance_client_wants(i);
    if (!c[i->client].events) c[i->client].fd = -1;
  }
}

static void serve_instance(pool *p, pool_instance *i, short client, short own)
{
  int number = i->client, r;
  if (number < 0) {
    if (!own) return;
    log_warn("an instance ended or spoke unasked");
    instance_end(i, 1);
    return;
  }
  if (!client && !own) return;
  r = instance_move(p, i, client, own);
  if (r == 0) instance_free(i);
  if (r >= 0) return;
  if (r == -2) log_warn("an instance broke off");
  client_end(p, number);
  /* One that was lent but has heard nothing yet is as good as before. */
  if (r == -1 && !i->up_frame.inside && !i->ended && !i->up_frame.digits)
    instance_free(i);
  else
    instance_end(i, r == -2);
}

static void serve_all(pool *p, struct pollfd const *fds)
{
  struct pollfd const *c = fds + 1 + p->ninstances;
  for (unsigned n = 0; n < p->s->max; n++)
    if (c[n].fd >= 0 && c[n].revents && !instance_of(p, (int)n)) {
      p->clients[n].waiting = 1;
      p->clients[n].turn = p->turns++;
      p->clients[n].deadline = io_after(WAIT_MS);
    }
  for (unsigned n = 0; n < p->ninstances; n++) {
    pool_instance *i = p->instances + n;
    if (i->fd < 0) continue;
    serve_instance(p, i, i->client < 0 ? 0 : c[i->client].revents,
                   fds[1 + n].revents);
  }
}

static int busy(pool const *p)
{
  for (unsigned n = 0; n < p->ninstances; n++)
    if (p->instances[n].fd >= 0 && p->instances[n].client >= 0) return 1;
  return longest_waiting(p) >= 0;
}

static void wait_events(pool *p, struct pollfd *fds, sigset_t const *calm,
                        int ms)
{
  struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
  nfds_t n = 1 + p->ninstances + p->s->max;
  for (nfds_t i = 0; i < n; i++) fds[i].revents = 0;
  if (ppoll(fds, n, ms < 0 ? 0 : &t, calm) < 0 && errno != EINTR)
    strerr_diefu1sys(111, "poll");
}

static void loop(pool *p, struct pollfd *fds, sigset_t const *calm)
{
  io_time end = IO_FOREVER;
  int pause = 0;
  while (!stopping || (busy(p) && io_left(end))) {
    int ms;
    if (stopping && end == IO_FOREVER) end = io_after(GRACE_MS);
    staff(p);
    prepare(p, fds);
    ms = next_deadline(p);
    if (pause) {
      fds[0].fd = -1;
      sooner(&ms, io_after(PAUSE_MS));
    }
    if (stopping) sooner(&ms, end);
    wait_events(p, fds, calm, ms);
    pause = fds[0].revents && !take(p);
    serve_all(p, fds);
    make_room(p);
    expire(p);
    while (waitpid(-1, 0, WNOHANG) > 0)
      ;
  }
}

/* Instances see the end of their input, then SIGTERM, then SIGKILL. */
static void stop(pool *p)
{
  struct timespec const tick = {0, 20 * 1000000L};
  io_time end = io_after(EXIT_MS), polite = io_after(EXIT_MS / 5);
  close(0);
  for (unsigned n = 0; n < p->ninstances; n++)
    if (p->instances[n].fd >= 0) close(p->instances[n].fd);
  while (waitpid(-1, 0, WNOHANG) >= 0 && io_left(end)) {
    for (unsigned n = 0; n < p->ninstances && !io_left(polite); n++)
      if (p->instances[n].pid > 0) kill(-p->instances[n].pid, SIGTERM);
    if (!io_left(polite)) polite = IO_FOREVER;
    nanosleep(&tick, 0);
  }
  for (unsigned n = 0; n < p->ninstances; n++)
    if (p->instances[n].pid > 0) kill(-p->instances[n].pid, SIGKILL);
}

static void prepare_signals(sigset_t *calm)
{
  struct sigaction sa = {.sa_handler = on_signal};
  sigset_t both;
  sigemptyset(&both);
  sigaddset(&both, SIGTERM);
  sigaddset(&both, SIGCHLD);
  sigprocmask(SIG_BLOCK, &both, calm);
  sigdelset(calm, SIGTERM);
  sigdelset(calm, SIGCHLD);
  sigaction(SIGTERM, &sa, 0);
  sigaction(SIGCHLD, &sa, 0);
  signal(SIGPIPE, SIG_IGN);
}

int pool_run(pool *p)
{
  struct pollfd *fds = calloc(1 + p->ninstances + p->s->max, sizeof *fds);
  sigset_t calm;
  p->instances = calloc(p->ninstances, sizeof *p->instances);
  p->clients = calloc(p->s->max, sizeof *p->clients);
  if (!fds || !p->instances || !p->clients)
    strerr_diefu1sys(111, "allocate memory");
  for (unsigned n = 0; n < p->ninstances; n++) p->instances[n].fd = -1;
  for (unsigned n = 0; n < p->s->max; n++) p->clients[n].fd = -1;
  prepare_signals(&calm);
  serve_ready(p->s);
  loop(p, fds, &calm);
  stop(p);
  free(fds);
  free(p->instances);
  free(p->clients);
  return 0;
}
