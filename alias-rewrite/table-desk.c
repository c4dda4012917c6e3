/* The poll loop over the door, the copies and the clients. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "log.h"
#include "table-desk.h"
#include "unix.h"

#define SILENCE_MS (60 * 1000) /* of a client that asks nothing */
#define PAUSE_MS 200           /* after accept found no resources */

static volatile sig_atomic_t stopping;

static void on_term(int sig)
{
  (void)sig;
  stopping = 1;
}

static void hang_up(desk *d, int n)
{
  close(d->clients[n].fd);
  d->clients[n].fd = -1;
  d->clients[n].asks = 0;
  for (unsigned i = 0; i < d->ncopies; i++)
    if (d->copies[i].client == n) d->copies[i].client = -1;
}

void desk_tell(desk *d, int client, char const *s, size_t len)
{
  desk_client *c = d->clients + client;
  char line[ASK_LINE];
  memcpy(line, s, len);
  line[len] = '\n';
  /* It fits, or the client has not read the answers before. */
  if (send(c->fd, line, len + 1, MSG_DONTWAIT | MSG_NOSIGNAL) !=
      (ssize_t)len + 1) {
    hang_up(d, client);
    return;
  }
  for (unsigned i = 0; i < d->ncopies; i++)
    if (d->copies[i].client == client) d->copies[i].client = -1;
  c->asks = 0;
  c->len = 0;
  c->deadline = io_after(SILENCE_MS);
}

static int served(desk const *d, int client)
{
  for (unsigned i = 0; i < d->ncopies; i++)
    if (d->copies[i].busy && d->copies[i].client == client) return 1;
  return 0;
}

int desk_next(desk const *d)
{
  int best = -1;
  for (int n = 0; n < (int)d->s->max; n++)
    if (d->clients[n].asks && !served(d, n) &&
        (best < 0 || d->clients[n].turn < d->clients[best].turn))
      best = n;
  return best;
}

static int free_place(desk const *d)
{
  for (unsigned n = 0; n < d->s->max; n++)
    if (d->clients[n].fd < 0) return (int)n;
  return -1;
}

/* 1, or 0 if a pause is better than trying again */
static int take(desk *d)
{
  pid_t pid;
  uid_t uid = (uid_t)-1;
  gid_t gid;
  int n = free_place(d), fd = accept4(0, 0, 0, SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return 1;
    log_warnsys("unable to accept");
    return 0;
  }
  unix_peer(fd, &pid, &uid, &gid);
  if (!serve_allowed(d->s, uid)) {
    close(fd);
    return 1;
  }
  d->clients[n] = (desk_client){.fd = fd, .deadline = io_after(SILENCE_MS)};
  return 1;
}

static void listen_to(desk *d, int n)
{
  desk_client *c = d->clients + n;
  ssize_t r = recv(c->fd, c->question + c->len, sizeof c->question - c->len,
                   MSG_DONTWAIT);
  char const *lf;
  if (r < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (r <= 0) {
    hang_up(d, n);
    return;
  }
  c->len += (size_t)r;
  lf = memchr(c->question, '\n', c->len);
  if (!lf && c->len < sizeof c->question) return;
  /* One question, and the next behind its answer; another line would be a
     question more for the program. */
  if (!lf || lf + 1 != c->question + c->len || c->len == 1 ||
      !ask_text_valid(c->question, c->len - 1)) {
    log_warn("refused a question that is no address");
    desk_tell(d, n, "!no address", 11);
    if (c->fd >= 0) hang_up(d, n);
    return;
  }
  c->asks = 1;
  c->turn = d->turns++;
  c->deadline = io_after(d->ms);
}

static void expire(desk *d)
{
  for (unsigned i = 0; i < d->ncopies; i++)
    if (d->copies[i].busy && !io_left(d->copies[i].deadline))
      desk_fail(d, d->copies + i, "did not answer in time");
  for (int n = 0; n < (int)d->s->max; n++) {
    if (d->clients[n].fd < 0 || io_left(d->clients[n].deadline)) continue;
    if (!d->clients[n].asks) {
      hang_up(d, n);
      continue;
    }
    if (!desk_runs(d)) desk_count(d);
    desk_tell(d, n, "!the table is busy", 18);
  }
}

static void sooner(int *ms, io_time t)
{
  int left = io_left(t);
  if (*ms < 0 || left < *ms) *ms = left;
}

static int next_deadline(desk const *d)
{
  int ms = -1;
  for (unsigned i = 0; i < d->ncopies; i++) {
    desk_copy const *c = d->copies + i;
    if (c->fd < 0 || c->busy) sooner(&ms, c->fd < 0 ? c->start : c->deadline);
  }
  for (unsigned n = 0; n < d->s->max; n++)
    if (d->clients[n].fd >= 0) sooner(&ms, d->clients[n].deadline);
  return ms;
}

/* fds: the door, then one for each copy, then one for each client. Who waits
   for an answer is watched only for going away. */
static void prepare(desk const *d, struct pollfd *fds)
{
  int open = !stopping && free_place(d) >= 0;
  fds[0] = (struct pollfd){.fd = open ? 0 : -1, .events = POLLIN};
  for (unsigned i = 0; i < d->ncopies; i++)
    fds[1 + i] = (struct pollfd){.fd = d->copies[i].fd, .events = POLLIN};
  for (unsigned n = 0; n < d->s->max; n++)
    fds[1 + d->ncopies + n] = (struct pollfd){
        .fd = d->clients[n].fd, .events = d->clients[n].asks ? 0 : POLLIN};
}

static void move(desk *d, struct pollfd const *fds)
{
  struct pollfd const *c = fds + 1 + d->ncopies;
  for (unsigned n = 0; n < d->s->max; n++) {
    if (c[n].fd < 0 || !c[n].revents) continue;
    if (d->clients[n].asks)
      hang_up(d, (int)n);
    else
      listen_to(d, (int)n);
  }
  for (unsigned i = 0; i < d->ncopies; i++)
    if (fds[1 + i].fd >= 0 && fds[1 + i].revents) desk_hear(d, d->copies + i);
}

static int asked(desk const *d)
{
  for (unsigned n = 0; n < d->s->max; n++)
    if (d->clients[n].asks) return 1;
  return 0;
}

static void loop(desk *d, struct pollfd *fds, sigset_t const *calm)
{
  int pause = 0;
  while (!stopping || asked(d)) {
    struct timespec t;
    int ms;
    desk_start(d);
    desk_ask(d);
    prepare(d, fds);
    ms = next_deadline(d);
    if (pause) {
      fds[0].fd = -1;
      sooner(&ms, io_after(PAUSE_MS));
    }
    t = (struct timespec){ms / 1000, ms % 1000 * 1000000L};
    if (ppoll(fds, 1 + d->ncopies + d->s->max, ms < 0 ? 0 : &t, calm) < 0) {
      if (errno != EINTR) strerr_diefu1sys(111, "poll");
      continue;
    }
    pause = fds[0].revents && !take(d);
    move(d, fds);
    expire(d);
  }
}

int desk_run(desk *d)
{
  struct sigaction sa = {.sa_handler = on_term};
  struct pollfd *fds = calloc(1 + d->ncopies + d->s->max, sizeof *fds);
  sigset_t term, calm;
  d->clients = calloc(d->s->max, sizeof *d->clients);
  if (!fds || !d->clients) strerr_diefu1sys(111, "allocate memory");
  for (unsigned i = 0; i < d->ncopies; i++)
    d->copies[i] = (desk_copy){.fd = -1, .client = -1};
  for (unsigned n = 0; n < d->s->max; n++) d->clients[n].fd = -1;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, &calm);
  sigdelset(&calm, SIGTERM);
  sigaction(SIGTERM, &sa, 0);
  signal(SIGPIPE, SIG_IGN);
  serve_ready(d->s);
  loop(d, fds, &calm);
  close(0);
  desk_end(d);
  free(fds);
  free(d->clients);
  return 0;
}
