#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "log.h"

/* Orphaned, it would take the end of its input for that of the message. */
static void leave_us(pid_t parent)
{
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent ||
      chdir("/") < 0)
    _exit(111);
  clearenv();
}

__attribute__((noreturn)) static void child(command *c, stralloc const *env,
                                            int const *in, int const *out,
                                            pid_t parent)
{
  setpgid(0, 0);
  if (c->alone) leave_us(parent);
  for (size_t i = 0; i < env->len; i += strlen(env->s + i) + 1)
    putenv(env->s + i);
  signal(SIGPIPE, SIG_DFL);
  if (dup2(in[0], 0) < 0 || dup2(out[1], 1) < 0) _exit(111);
  execvp(c->argv[0], (char *const *)(uintptr_t)c->argv);
  _exit(errno == ENOENT ? 127 : 126);
}

static void close_pair(int const *p)
{
  close(p[0]);
  close(p[1]);
}

int command_start(command *c, stralloc const *env)
{
  int in[2], out[2];
  pid_t us = getpid();
  if (pipe2(in, O_CLOEXEC) < 0) return -1;
  if (pipe2(out, O_CLOEXEC) < 0) return close_pair(in), -1;
  c->pid = fork();
  if (c->pid == 0) child(c, env, in, out, us);
  if (c->pid < 0) {
    close_pair(in);
    close_pair(out);
    return c->pid = 0, -1;
  }
  setpgid(c->pid, c->pid);
  close(in[0]);
  close(out[1]);
  fcntl(in[1], F_SETFL, O_NONBLOCK);
  fcntl(out[0], F_SETFL, O_NONBLOCK);
  c->in = in[1];
  c->out = out[0];
  c->deadline = io_after(c->ms);
  c->lines = (crlf){0};
  c->output.len = 0;
  return 1;
}

static void close_in(command *c)
{
  if (c->in >= 0) close(c->in);
  c->in = -1;
}

/* Some of the command's output: 1, 0 at its end, -1 (also for too much) */
static int collect(command *c)
{
  char buf[4096];
  ssize_t n = read(c->out, buf, sizeof buf);
  if (n < 0) return errno == EINTR ? 1 : -1;
  if (n == 0) return 0;
  if (c->output.len + (size_t)n > COMMAND_OUTPUT) return errno = EMSGSIZE, -1;
  return stralloc_catb(&c->output, buf, (size_t)n) ? 1 : -1;
}

/* Waits until the command takes input (1) or is out of output (0), reading
   what it says; -1: time is up, or worse. */
static int wait_io(command *c)
{
  for (;;) {
    struct pollfd p[2] = {{.fd = c->in, .events = POLLOUT},
                          {.fd = c->out, .events = POLLIN}};
    int n = poll(p, 2, io_left(c->deadline)), r;
    if (n == 0) return errno = ETIMEDOUT, -1;
    if (n < 0 && errno != EINTR) return -1;
    if (n > 0 && p[1].revents) {
      r = collect(c);
      if (r < 0) return r;
      if (r == 0) close_in(c); /* it wants no more */
      if (c->in < 0) return 0;
      continue;
    }
    if (n > 0 && p[0].revents) return 1;
  }
}

static int feed(command *c, char const *s, size_t len)
{
  while (len && c->in >= 0) {
    ssize_t n = write(c->in, s, len);
    if (n < 0 && errno == EPIPE) {
      close_in(c); /* it need not read all */
      break;
    }
    if (n < 0 && errno != EAGAIN && errno != EINTR) return -1;
    if (n < 0 && wait_io(c) < 0) return -1;
    if (n < 0) continue;
    s += n;
    len -= (size_t)n;
  }
  return 1;
}

int command_feed(command *c, char const *s, size_t len)
{
  if (!c->pid) return errno = ESRCH, -1;
  c->text.len = 0;
  if (crlf_out(&c->lines, &c->text, s, len) > 0 &&
      feed(c, c->text.s, c->text.len) > 0)
    return 1;
  log_warnsys("%s", c->argv[0]);
  command_kill(c);
  return -1;
}

void command_kill(command *c)
{
  if (!c->pid) return;
  kill(-c->pid, SIGKILL);
  waitpid(c->pid, 0, 0);
  close_in(c);
  close(c->out);
  c->pid = 0;
}

/* Without output it may still run: 1, or -1 when its time is up. */
static int wait_exit(command const *c)
{
  int fd = pidfd_open(c->pid, 0), r;
  if (fd < 0) return -1;
  r = io_wait(fd, POLLIN, c->deadline);
  close(fd);
  return r;
}

int command_end(command *c)
{
  int status;
  if (!c->pid) return -1;
  close_in(c);
  while ((status = collect(c)) > 0 || (status < 0 && errno == EAGAIN))
    if (wait_io(c) < 0) break;
  if (status != 0 || wait_exit(c) < 0) {
    log_warnsys("%s", c->argv[0]);
    command_kill(c);
    return -1;
  }
  close(c->out);
  if (c->alone) kill(-c->pid, SIGKILL); /* not yet reaped: its group, still */
  waitpid(c->pid, &status, 0);
  c->pid = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void command_free(command *c)
{
  command_kill(c);
  stralloc_free(&c->output);
  stralloc_free(&c->text);
}
