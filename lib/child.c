#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child.h"
#include "log.h"

#define DELAY_MS 100
#define DELAYS 8

static void run(char const *const *argv, int fd)
{
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
  setpgid(0, 0);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  signal(SIGCHLD, SIG_DFL);
  if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0) _exit(111);
  execvp(argv[0], (char *const *)(uintptr_t)argv);
  _exit(errno == ENOENT ? 127 : 126);
}

int child_start(char const *const *argv, pid_t *pid)
{
  int s[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) < 0) {
    log_warnsys("unable to make a socket pair");
    return -1;
  }
  *pid = fork();
  if (*pid == 0) run(argv, s[1]);
  close(s[1]);
  if (*pid < 0) {
    log_warnsys("unable to fork");
    close(s[0]);
    return -1;
  }
  setpgid(*pid, *pid);
  return s[0];
}

io_time child_delay(unsigned *failures)
{
  unsigned n = *failures < DELAYS ? *failures : DELAYS;
  ++*failures;
  return io_after((int64_t)DELAY_MS << n);
}
