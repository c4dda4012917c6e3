#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "conf.h"
#include "jail.h"
#include "log.h"
#include "queue-file.h"
#include "run-loop.h"

#define USAGE                                                                  \
  "queue-run [ -n ] [ -o ] [ -d fd ] [ -l lanes ] [ -c lanes ] [ -r first ] "  \
  "[ -g percent ] [ -m longest ] [ -e expiry ] [ -t seconds ] "                \
  "[ -w seconds ] [ -b seconds ] [ -R rate ] [ -s seconds ] [ -i seconds ] "   \
  "[ -p postmaster ] [ -S send ] [ -P put ] [ -B report ] [ directory ]"
#define dieusage() strerr_dieusage(100, USAGE)

#define LANES_MOST 1000

/* As it will be executed, if every attempt takes no time. */
static int print_schedule(schedule const *s)
{
  long long t = 0;
  int warned = 0;
  for (unsigned n = 1;; n++) {
    long long next = schedule_next(s, 0, n, t);
    printf("attempt %u\t%lld\t%lldd%02lld:%02lld:%02lld\n", n, t, t / 86400,
           t / 3600 % 24, t / 60 % 60, t % 60);
    if (schedule_warns(s, 0, t) && !warned && next)
      printf("delay notice\t%lld\t%lldd%02lld:%02lld:%02lld\n", t, t / 86400,
             t / 3600 % 24, t / 60 % 60, t % 60);
    warned = schedule_warns(s, 0, t);
    if (!next) break;
    t = next;
  }
  return fflush(stdout) || ferror(stdout) ? 111 : 0;
}

static unsigned number(char opt, char const *arg, unsigned least, unsigned most)
{
  char name[] = "-x";
  unsigned n;
  name[1] = opt;
  if (!uint0_scan(arg, &n) || n < least || n > most)
    strerr_dief3x(100, name, " cannot be ", arg);
  return n;
}

static int catch_signals(void)
{
  sigset_t s;
  int fd;
  sigemptyset(&s);
  sigaddset(&s, SIGTERM);
  sigaddset(&s, SIGALRM);
  sigaddset(&s, SIGHUP);
  sigaddset(&s, SIGCHLD);
  sigprocmask(SIG_BLOCK, &s, 0);
  signal(SIGPIPE, SIG_IGN);
  fd = signalfd(-1, &s, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) strerr_diefu1sys(111, "catch signals");
  return fd;
}

/* One queue-run a queue. The lanes of one that was killed have the lock as
   long as they live, which is not long. */
static void lock(int queue)
{
  int fd = openat(queue, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) strerr_diefu1sys(111, "open the queue's lock");
  for (unsigned i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
    if (i == 20) strerr_diefu1sys(111, "lock the queue");
    usleep(50000);
  }
}

/* The file running is there while we are: 1 if it was before. */
static int mark_running(int queue)
{
  int fd =
      openat(queue, "running", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EEXIST) return 1;
  if (fd < 0) strerr_diefu1sys(111, "create running in the queue");
  close(fd);
  if (fsync(queue) < 0) strerr_diefu1sys(111, "sync the queue");
  return 0;
}

static void ready(int fd)
{
  if (fd < 0) return;
  if (write(fd, "\n", 1) < 0) log_warnsys("unable to tell readiness");
  close(fd);
}

/* The queue; routes; the time zone, for dates in bounces. Lanes connect to
   sockets. */
static void confine(char const *queue)
{
  jail_path const paths[] = {{queue, 1},
                             {conf_table(""), 0},
                             {"/etc/localtime", 0},
                             {"/usr/share/zoneinfo", 0},
                             {0, 0}};
  jail const walls = {.paths = paths, .flags = JAIL_NET | JAIL_FORK};
  if (jail_enter(&walls) < 0) strerr_diefu1sys(111, "enter the jail");
}

static int run(run_config *c, char const *path, int ready_fd)
{
  int signals = catch_signals(), trigger, unclean;
  c->queue = queue_open(path);
  if (c->queue < 0) strerr_diefu2sys(111, "open the queue ", path);
  lock(c->queue);
  /* open for writing too: so it never says end of file, and writers find it */
  trigger = openat(c->queue, "trigger", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (trigger < 0) strerr_diefu1sys(111, "open the queue's trigger");
  unclean = mark_running(c->queue);
  confine(path);
  run_routes(conf_secrets("mail.cdb"));
  ready(ready_fd);
  if (run_loop(c, trigger, signals, unclean) &&
      unlinkat(c->queue, "running", 0) < 0)
    log_warnsys("unable to remove running");
  return 0;
}

static char const *socket_path(char *to, char const *name)
{
  snprintf(to, CONF_PATH_MAX, "%s", conf_socket(name));
  return to;
}

int main(int argc, char const *const *argv)
{
  static char send[CONF_PATH_MAX], put[CONF_PATH_MAX], report[CONF_PATH_MAX];
  run_config c = {.when = SCHEDULE_ZERO,
                  .lanes = 40,
                  .lanes_per = 5,
                  .lane_seconds = 1800,
                  .rescan = 60,
                  .soon = 15,
                  .rest = 300};
  int ready_fd = -1, show = 0;
  subgetopt l = SUBGETOPT_ZERO;
  PROG = "queue-run";
  c.send = socket_path(send, "send");
  c.local = socket_path(put, "put-queued");
  c.report = socket_path(report, "queue-report");
  for (;;) {
    int opt =
        subgetopt_r(argc, argv, "nod:l:c:r:g:m:e:w:t:b:R:s:i:p:S:P:B:", &l);
    if (opt == -1) break;
    switch (opt) {
    case 'n': show = 1; break;
    case 'd': ready_fd = (int)number('d', l.arg, 1, 1 << 20); break;
    case 'l': c.lanes = number('l', l.arg, 1, LANES_MOST); break;
    case 'c': c.lanes_per = number('c', l.arg, 1, LANES_MOST); break;
    case 'r': c.when.first = number('r', l.arg, 1, 1 << 30); break;
    case 'g': c.when.growth = number('g', l.arg, 100, 10000); break;
    case 'm': c.when.longest = number('m', l.arg, 1, 1 << 30); break;
    case 'e': c.when.expiry = number('e', l.arg, 0, 1 << 30); break;
    case 'w': c.when.warn = number('w', l.arg, 0, 1 << 30); break;
    case 't': c.lane_seconds = number('t', l.arg, 1, 1 << 20); break;
    case 'b': c.rest = number('b', l.arg, 0, 1 << 20); break;
    case 'R': c.rate = number('R', l.arg, 1, 60000); break;
    case 's': c.rescan = number('s', l.arg, 1, 1 << 20); break;
    case 'i': c.soon = number('i', l.arg, 1, 1 << 20); break;
    case 'o': c.own = 1; break;
    case 'p': c.postmaster = l.arg; break;
    case 'S': c.send = l.arg; break;
    case 'P': c.local = l.arg; break;
    case 'B': c.report = l.arg; break;
    default: dieusage();
    }
  }
  if (argc - l.ind > 1) dieusage();
  if (show) return print_schedule(&c.when);
  return run(&c, argc > l.ind ? argv[l.ind] : queue_directory(), ready_fd);
}
