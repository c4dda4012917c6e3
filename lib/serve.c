#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "ids.h"
#include "io.h"
#include "log.h"
#include "serve-door.h"
#include "serve-peer.h"
#include "serve-spare.h"
#include "serve.h"
#include "unix.h"

#define PAUSE_MS 200         /* after accept or fork found no resources */
#define GRACE_MS (60 * 1000) /* for children after SIGTERM */

typedef struct parent {
  serve *s;
  serve_door door;
  pid_t *children; /* of each seat; 0: it is free */
  unsigned count;
  int counted; /* by address: not for unix sockets */
  serve_spares spares;
  sigset_t calm; /* the signal mask while waiting */
} parent;

static volatile sig_atomic_t stopping;

static void on_term(int sig)
{
  (void)sig;
  stopping = 1;
}

static void on_child(int sig)
{
  (void)sig; /* only to wake ppoll */
}

/* "U,U,…", numbers or names */
static void uid_list(serve *s, char const *list)
{
  if (!*list) strerr_dief1x(100, "-U needs users, and has none");
  for (char const *u = list; *u;) {
    char name[64];
    size_t len = strcspn(u, ",");
    if (len >= sizeof name || s->nuids == SERVE_UIDS)
      strerr_dief2x(100, "too long a list of users: ", list);
    memcpy(name, u, len);
    name[len] = 0;
    if (!ids_user(name, s->uids + s->nuids++))
      strerr_dief2x(100, "unknown user ", name);
    u += len + (u[len] == ',');
  }
}

int serve_option(serve *s, int opt, char const *arg)
{
  switch (opt) {
  case 'w': s->wait = 1; return 1;
  case 'd': s->ready = (int)serve_number('d', arg, 1); return 1;
  case 'c': s->max = serve_number('c', arg, 1); return 1;
  case 'C': s->maxip = serve_number('C', arg, 1); return 1;
  case 'U': uid_list(s, arg); return 1;
  default: return serve_door_option(s, opt, arg);
  }
}

int serve_allowed(serve const *s, uid_t uid)
{
  for (unsigned i = 0; i < s->nuids; i++)
    if (s->uids[i] == uid) return 1;
  if (s->nuids) log_warn("refused: peer uid %ld", (long)uid);
  return !s->nuids;
}

void serve_ready(serve *s)
{
  if (s->ready < 0) return;
  if (write(s->ready, "\n", 1) < 0) log_warnsys("unable to tell readiness");
  close(s->ready);
  s->ready = -1;
}

/* A program started without fd 1 or 2 must not find a client there. */
static void fill_standard_fds(void)
{
  int fd;
  do fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  while (fd >= 0 && fd <= 2);
  if (fd > 2) close(fd);
  for (fd = 0; fd <= 2; fd++)
    if (fcntl(fd, F_GETFD) > 0) fcntl(fd, F_SETFD, 0);
}

static int nowait(serve *s)
{
  serve_peer peer;
  int one = 1;
  serve_ready(s);
  serve_peer_environment(&peer);
  if (s->proxies.n && serve_door_proxy(s, &peer) < 0) return 1;
  if (!serve_allowed(s, peer.uid)) return 1;
  setsockopt(0, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (s->refresh) s->refresh(s->data);
  return s->client(&peer, s->data);
}

/* s->max for a child that was dismissed */
static unsigned seat_of(parent const *p, pid_t pid)
{
  unsigned i = 0;
  while (i < p->s->max && p->children[i] != pid) i++;
  return i;
}

static void leave(parent *p, pid_t pid)
{
  unsigned i = seat_of(p, pid);
  if (i == p->s->max) return;
  p->children[i] = 0;
  serve_door_leave(&p->door, i);
  p->count--;
}

static void reap(parent *p)
{
  pid_t pid;
  while ((pid = waitpid(-1, 0, WNOHANG)) > 0) {
    if (p->s->again) serve_spare_gone(&p->spares, pid);
    leave(p, pid);
  }
}

/* An idle child ends, for one that is needed more: 1, or 0 if there is none. */
static int make_room(parent *p)
{
  int place = p->s->again ? serve_spare_claim(&p->spares, 0) : -1;
  if (place >= 0) leave(p, serve_spare_dismiss(&p->spares, place));
  return place >= 0;
}

static int serve_one(parent *p, int fd, unsigned seat, int64_t hold)
{
  serve_peer peer;
  int one = 1;
  if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0) _exit(111);
  if (fd > 1) close(fd);
  serve_peer_socket(&peer, 0);
  if (p->counted) setsockopt(0, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (p->s->proxies.n && serve_door_behind(&p->door, seat, &peer, &hold) <= 0)
    return 1;
  if (hold && io_rest(0, io_after(hold)) < 0) return 1;
  return p->s->client(&peer, p->s->data);
}

__attribute__((noreturn)) static void
run_child(parent *p, int fd, int place, int line, unsigned seat, int64_t hold)
{
  int code, most = p->counted ? SERVE_SPARE_STRANGERS : SERVE_SPARE_CLIENTS;
  signal(SIGTERM, SIG_DFL);
  signal(SIGCHLD, SIG_DFL);
  sigprocmask(SIG_SETMASK, &p->calm, 0);
  if (p->s->again) serve_spare_child(&p->spares);
  for (int n = 1; (code = serve_one(p, fd, seat, hold)) == 0 && place >= 0;
       n++) {
    close(0);
    close(1);
    if (n == most || !p->s->again) break;
    serve_door_leave(&p->door, seat); /* not counted while it is idle */
    fd = serve_spare_next(&p->spares, place, line, &hold);
    if (fd < 0) break;
    if (p->s->refresh) p->s->refresh(p->s->data);
  }
  _exit(code);
}

/* 1, or 0 if there was no room for one more process */
static int start(parent *p, int fd, unsigned char const *key, int64_t hold)
{
  unsigned seat = seat_of(p, 0);
  int line = -1, place = -1;
  pid_t pid;
  if (p->s->refresh) p->s->refresh(p->s->data);
  if (p->s->again) place = serve_spare_reserve(&p->spares, key, &line);
  if (p->s->again && place < 0 && make_room(p))
    place = serve_spare_reserve(&p->spares, key, &line);
  serve_door_sit(&p->door, seat, key);
  pid = fork();
  if (pid == 0) run_child(p, fd, place, line, seat, hold);
  serve_spare_started(&p->spares, place, line, pid);
  if (pid < 0) {
    log_warnsys("unable to fork");
    serve_door_leave(&p->door, seat);
    return 0;
  }
  p->children[seat] = pid;
  p->count++;
  return 1;
}

/* Errors of the one connection (accept(2) lists them) are nothing to us. */
static int passing(int e)
{
  return e == EAGAIN || e == EINTR || e == ECONNABORTED || e == EPROTO ||
         e == EPERM || e == ENETDOWN || e == ENOPROTOOPT || e == EHOSTDOWN ||
         e == ENONET || e == EHOSTUNREACH || e == EOPNOTSUPP ||
         e == ENETUNREACH || e == ETIMEDOUT;
}

static int exhausted(int e)
{
  return e == EMFILE || e == ENFILE || e == ENOBUFS || e == ENOMEM;
}

static int unix_allowed(parent const *p, int fd)
{
  pid_t pid;
  uid_t uid = (uid_t)-1;
  gid_t gid;
  if (p->counted || !p->s->nuids) return 1;
  unix_peer(fd, &pid, &uid, &gid);
  return serve_allowed(p->s, uid);
}

/* To an idle child, who is counted again before it can leave again: 1 or 0 */
static int give(parent *p, int fd, unsigned char const *key, int64_t hold)
{
  int i;
  if (!p->s->again) return 0;
  while ((i = serve_spare_claim(&p->spares, key)) >= 0) {
    unsigned seat = seat_of(p, p->spares.pid[i]);
    serve_door_sit(&p->door, seat, key);
    if (serve_spare_give(&p->spares, i, fd, hold)) return 1;
    serve_door_leave(&p->door, seat);
  }
  return 0;
}

/* Into a seat, if there is one for it: as take(). */
static int admit(parent *p, int fd, struct sockaddr_storage const *sa)
{
  unsigned char key[NET_KEY];
  char const *why = p->s->refusal;
  int64_t hold = 0;
  net_key_socket(key, sa);
  if (!p->counted && give(p, fd, key, 0)) return 1;
  if (p->count >= p->s->max && !make_room(p))
    serve_door_log(key, "too many in all");
  else if (!p->counted || serve_door_open(&p->door, key, &hold, &why)) {
    if (p->counted && give(p, fd, key, hold)) return 1;
    if (start(p, fd, key, hold)) return 1;
    serve_door_refuse(fd, why);
    return 0;
  }
  serve_door_refuse(fd, why);
  return 1;
}

/* 1, or 0 if it would be better to pause */
static int take(parent *p)
{
  struct sockaddr_storage sa = {0};
  socklen_t n = sizeof sa;
  int good = 1, fd = accept4(0, (struct sockaddr *)&sa, &n, SOCK_CLOEXEC);
  if (fd < 0) {
    if (passing(errno)) return 1;
    if (!exhausted(errno)) strerr_diefu1sys(111, "accept");
    log_warnsys("unable to accept");
    return 0;
  }
  if (unix_allowed(p, fd)) good = admit(p, fd, &sa);
  close(fd);
  return good;
}

/* A full house without words for those outside leaves them in the backlog. */
static int open_door(parent *p)
{
  if (p->count < p->s->max) {
    if (p->s->again) serve_spare_room(&p->spares);
    return 1;
  }
  return p->s->refusal || (p->s->again && !serve_spare_full(&p->spares));
}

static void accept_until_term(parent *p)
{
  struct timespec const pause = {0, PAUSE_MS * 1000000L};
  int calm = 1;
  while (!stopping) {
    struct pollfd x = {.fd = 0, .events = POLLIN};
    int r = ppoll(&x, calm && open_door(p), calm ? 0 : &pause, &p->calm);
    if (r < 0 && errno != EINTR) strerr_diefu1sys(111, "poll");
    reap(p);
    calm = r <= 0 || stopping || take(p);
  }
}

static void kill_all(parent const *p, int sig)
{
  for (unsigned i = 0; i < p->s->max; i++)
    if (p->children[i]) kill(p->children[i], sig);
}

static void stop(parent *p)
{
  io_time end = io_after(GRACE_MS);
  close(0);
  kill_all(p, SIGTERM);
  while (reap(p), p->count && io_left(end)) {
    int ms = io_left(end);
    struct timespec left = {ms / 1000, ms % 1000 * 1000000L};
    ppoll(0, 0, &left, &p->calm);
  }
  kill_all(p, SIGKILL);
}

/* Signals come in only while ppoll waits. */
static void prepare_signals(parent *p)
{
  struct sigaction term = {.sa_handler = on_term};
  struct sigaction chld = {.sa_handler = on_child};
  sigset_t both;
  sigemptyset(&both);
  sigaddset(&both, SIGTERM);
  sigaddset(&both, SIGCHLD);
  sigprocmask(SIG_BLOCK, &both, &p->calm);
  sigdelset(&p->calm, SIGTERM);
  sigdelset(&p->calm, SIGCHLD);
  sigaction(SIGTERM, &term, 0);
  sigaction(SIGCHLD, &chld, 0);
}

void serve_listening(int fd, char const *option)
{
  int listening = 0;
  socklen_t n = sizeof listening;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) < 0 ||
      !listening)
    strerr_dief2x(100, option, " needs a listening socket");
  if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) strerr_diefu1sys(111, "fcntl");
}

static int wait_mode(serve *s)
{
  parent p = {.s = s};
  struct sockaddr_storage sa;
  socklen_t n = sizeof sa;
  serve_listening(0, "-w");
  getsockname(0, (struct sockaddr *)&sa, &n);
  p.counted = sa.ss_family != AF_UNIX;
  if (s->proxies.n) s->again = 0; /* only the child knows whom it serves */
  if (s->again && serve_spares_init(&p.spares) < 0) s->again = 0;
  p.children = calloc(s->max, sizeof *p.children);
  if (!p.children || serve_door_init(&p.door, s) < 0)
    strerr_diefu1sys(111, "allocate memory");
  prepare_signals(&p);
  serve_ready(s);
  accept_until_term(&p);
  stop(&p);
  free(p.children);
  return 0;
}

int serve_run(serve *s)
{
  signal(SIGPIPE, SIG_IGN);
  fill_standard_fds();
  return s->wait ? wait_mode(s) : nowait(s);
}
