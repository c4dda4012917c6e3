#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lane-maker.h"
#include "log.h"
#include "unix.h"

#define ANSWER_MS 30000

typedef struct answer {
  pid_t pid; /* or -1 */
  int error;
} answer;

static run_config const *config;
static void (*lane)(int, run_config const *);
static int maker = -1;

/* What it forks are children of queue-run, which waits for them, and with which
   they die. fork(3) cannot say so. */
static pid_t fork_sibling(void)
{
  return (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
}

__attribute__((noreturn)) static void make(int fd)
{
  char c;
  int s = -1;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  while (unix_recv_fd(fd, &c, 1, &s, IO_FOREVER) == 1 && s >= 0) {
    answer a = {.pid = fork_sibling()};
    if (a.pid == 0) {
      close(fd);
      lane(s, config);
      _exit(0);
    }
    a.error = errno;
    close(s);
    s = -1;
    if (send(fd, &a, sizeof a, MSG_NOSIGNAL) != (ssize_t)sizeof a) break;
  }
  _exit(0);
}

int lane_maker(run_config const *c, void (*live)(int fd, run_config const *c))
{
  int pair[2], e;
  pid_t pid;
  config = c;
  lane = live;
  if (maker >= 0) close(maker);
  maker = -1;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) return -1;
  pid = fork();
  e = errno;
  if (pid == 0) {
    close(pair[0]);
    make(pair[1]);
  }
  close(pair[1]);
  if (pid > 0) return maker = pair[0], 1;
  close(pair[0]);
  return errno = e, -1;
}

static int ask(int fd, answer *a)
{
  io_time end = io_after(ANSWER_MS);
  ssize_t n;
  if (maker < 0 || unix_send_fd(maker, "+", 1, fd, end) < 0) return 0;
  n = io_read(maker, a, sizeof *a, end); /* so few bytes come as one */
  return n == (ssize_t)sizeof *a;
}

pid_t lane_maker_fork(int fd)
{
  answer a;
  if (!ask(fd, &a)) {
    log_warn("the maker of lanes is gone: another one");
    if (lane_maker(config, lane) > 0) errno = EPIPE;
    return -1;
  }
  if (a.pid < 0) errno = a.error;
  return a.pid;
}
