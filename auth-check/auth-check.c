#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "auth-check.h"
#include "conf.h"
#include "guard.h"
#include "jail.h"
#include "log.h"
#include "serve.h"
#include "unix.h"

#define USAGE                                                                  \
  "auth-check [ -f users.cdb ] [ -n checks ] [ -D milliseconds ] "             \
  "[ -i n/seconds ] [ -a n/seconds ] [ -k file ] [ -w ] "                      \
  "[ -d fd ] [ -m fd ] [ -c max ] [ -U uid,… ]"
#define dieusage() strerr_dieusage(100, USAGE)

#define PAUSE_MS 200 /* after accept found no resources */

options opt = {.delay_ms = 1000,
               .connections = 1000,
               .ip = {20, 1200},
               .account = {20, 1200}};

static serve door = SERVE_ZERO; /* -w -d -U */
static int master_fd = -1;
static volatile sig_atomic_t stopping;
static sigset_t calm;

static void on_term(int sig)
{
  (void)sig;
  stopping = 1;
}

static void on_child(int sig)
{
  (void)sig; /* only to wake ppoll */
}

/* Signals come in only while ppoll waits. */
static void prepare_signals(void)
{
  struct sigaction term = {.sa_handler = on_term};
  struct sigaction chld = {.sa_handler = on_child};
  sigset_t both;
  sigemptyset(&both);
  sigaddset(&both, SIGTERM);
  sigaddset(&both, SIGCHLD);
  sigprocmask(SIG_BLOCK, &both, &calm);
  sigdelset(&calm, SIGTERM);
  sigdelset(&calm, SIGCHLD);
  sigaction(SIGTERM, &term, 0);
  sigaction(SIGCHLD, &chld, 0);
  signal(SIGPIPE, SIG_IGN);
}

static int allowed(int fd)
{
  pid_t pid;
  uid_t uid = (uid_t)-1;
  gid_t gid;
  unix_peer(fd, &pid, &uid, &gid);
  return serve_allowed(&door, uid);
}

/* 1, or 0 if it would be better to pause */
static int take(int listening, int master)
{
  int fd = accept4(listening, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS &&
        errno != ENOMEM)
      return 1;
    log_warnsys("unable to accept");
    return 0;
  }
  if ((!master && !allowed(fd)) || !connection_add(fd, fd, master)) close(fd);
  return 1;
}

static void run(void)
{
  struct pollfd *p = calloc(2 * opt.connections + 2, sizeof *p);
  int calm_now = 1;
  if (!p) strerr_diefu1sys(111, "allocate memory");
  while (!stopping && (door.wait || connections_count())) {
    io_time due = requests_due(), other = connections_due();
    struct timespec t;
    int ms = io_left(due < other ? due : other);
    unsigned n;
    if (!calm_now && (ms < 0 || ms > PAUSE_MS)) ms = PAUSE_MS;
    t = (struct timespec){ms / 1000, ms % 1000 * 1000000L};
    p[0] = (struct pollfd){door.wait && calm_now ? 0 : -1, POLLIN, 0};
    p[1] = (struct pollfd){calm_now ? master_fd : -1, POLLIN, 0};
    n = connections_poll(p + 2);
    if (ppoll(p, n + 2, ms < 0 ? 0 : &t, &calm) < 0) {
      if (errno != EINTR) strerr_diefu1sys(111, "poll");
      n = 0;
      p[0].revents = p[1].revents = 0;
    }
    requests_reap();
    connections_work(p + 2, n);
    calm_now = 1;
    if (p[0].revents) calm_now = take(0, 0);
    if (p[1].revents && calm_now) calm_now = take(master_fd, 1);
    requests_work();
    connections_tidy();
  }
  requests_stop();
  free(p);
}

static void confine(void)
{
  char dir[CONF_PATH_MAX];
  char const *slash = strrchr(opt.file, '/');
  jail_path const paths[] = {{dir, 0}, {0, 0}};
  jail const j = {paths, JAIL_FORK, 0};
  snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - opt.file) : 1,
           slash ? opt.file : ".");
  if (jail_enter(&j) < 0) strerr_diefu1sys(111, "enter the jail");
}

static unsigned number(char const *arg, unsigned least)
{
  unsigned n;
  if (!uint0_scan(arg, &n) || n < least || n > 100000) dieusage();
  return n;
}

static void rate(char const *arg, bucket_rate *r)
{
  if (!bucket_rate_scan(arg, r)) dieusage();
}

static void parse(int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  int o;
  while ((o = subgetopt_r(argc, argv, "f:n:D:i:a:k:wd:m:c:U:", &l)) != -1) {
    switch (o) {
    case 'f': opt.file = l.arg; break;
    case 'n': opt.workers = number(l.arg, 1); break;
    case 'D': opt.delay_ms = number(l.arg, 0); break;
    case 'i': rate(l.arg, &opt.ip); break;
    case 'a': rate(l.arg, &opt.account); break;
    case 'k': opt.guards = l.arg; break;
    case 'm': master_fd = (int)number(l.arg, 1); break;
    case 'c': opt.connections = number(l.arg, 1); break;
    default:
      if (!serve_option(&door, o, l.arg)) dieusage();
    }
  }
  if (argc != l.ind || (master_fd >= 0 && !door.wait)) dieusage();
}

int main(int argc, char const *const *argv)
{
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  PROG = "auth-check";
  jail_secret();
  opt.workers = cores > 0 ? (unsigned)cores : 1;
  parse(argc, argv);
  if (!opt.file) opt.file = conf_table("users.cdb");
  if (password_init() < 0) strerr_dief1x(111, "unable to start libsodium");
  if (connections_init(opt.connections) < 0 || requests_init() < 0)
    strerr_diefu1sys(111, "allocate memory");
  if (guards_init(opt.guards, opt.ip, opt.account) < 0)
    strerr_diefu2sys(111, "open ", opt.guards ? opt.guards : "memory");
  if (door.wait) serve_listening(0, "-w");
  if (master_fd >= 0) serve_listening(master_fd, "-m");
  prepare_signals();
  confine();
  if (!door.wait && !connection_add(0, 1, 0))
    strerr_diefu1sys(111, "allocate memory");
  serve_ready(&door);
  run();
  return 0;
}
