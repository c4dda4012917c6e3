#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "errands-run.h"
#include "errands.h"
#include "log.h"
#include "unix.h"

typedef struct running {
  pid_t pid; /* 0: a free place */
  int fd;    /* of the process */
  io_time deadline;
  char const *name;
} running;

static running places[ERRANDS_AT_ONCE];

__attribute__((noreturn)) static void child(char *const *v, char const *text,
                                            int fd)
{
  char percent[16];
  char const *account = strchr(text, ' ') + 1;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
  signal(SIGPIPE, SIG_DFL);
  setpgid(0, 0);
  snprintf(percent, sizeof percent, "%ld", strtol(text + 1, 0, 10));
  setenv("ACCOUNT", account, 1);
  if (*text == ERRAND_QUOTA) {
    setenv("PERCENT", percent, 1);
    close(fd);
    fd = open("/dev/null", O_RDONLY);
  } else {
    lseek(fd, 0, SEEK_SET);
  }
  if (fd != 0 && dup2(fd, 0) < 0) _exit(111);
  execvp(v[0], v);
  _exit(errno == ENOENT ? 127 : 126);
}

static void start(running *r, char *const *v, char const *text, int fd)
{
  r->pid = fork();
  if (r->pid == 0) child(v, text, fd);
  if (r->pid < 0) {
    log_warnsys("unable to fork");
    r->pid = 0;
    return;
  }
  setpgid(r->pid, r->pid);
  r->fd = pidfd_open(r->pid, 0);
  r->deadline = io_after(ERRANDS_MS);
  r->name = v[0];
}

/* An errand to be run at r. 1; 0: no more can come */
static int take(int sock, errand_program const *program, running *r)
{
  char text[ERRANDS_TEXT];
  int fd = -1;
  char const *which;
  ssize_t n =
      unix_recv_fd(sock, text, sizeof text - 1, &fd, io_after(ERRANDS_MS));
  if (n <= 0) return 0;
  text[n] = 0;
  which = strchr("SHQ", *text);
  if (*text && which && strchr(text, ' ') && fd >= 0 &&
      program[which - "SHQ"].v[0])
    start(r, program[which - "SHQ"].v, text, fd);
  if (fd >= 0) close(fd);
  return 1;
}

static void reap(running *r, int late)
{
  int status;
  if (late) kill(-r->pid, SIGKILL);
  waitpid(r->pid, &status, 0);
  if (late)
    log_warn("%s took too long", r->name);
  else if (status)
    log_warn("%s failed: %s %d", r->name,
             WIFEXITED(status) ? "exit code" : "signal",
             WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
  if (r->fd >= 0) close(r->fd);
  *r = (running){.pid = 0};
}

static int next_deadline(void)
{
  int ms = -1;
  for (size_t i = 0; i < ERRANDS_AT_ONCE; i++) {
    int left = places[i].pid ? io_left(places[i].deadline) : -1;
    if (left >= 0 && (ms < 0 || left < ms)) ms = left;
  }
  return ms;
}

static running *free_place(void)
{
  for (size_t i = 0; i < ERRANDS_AT_ONCE; i++)
    if (!places[i].pid) return places + i;
  return 0;
}

/* The client's connection, and the socket that we listen on, are not ours. */
static void leave_files(int sock)
{
  int null = open("/dev/null", O_RDWR);
  if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0) _exit(111);
  for (int fd = 3; fd < 64; fd++)
    if (fd != sock) close(fd);
}

void errands_run(int sock, errand_program const *program)
{
  int open_still = 1;
  leave_files(sock);
  signal(SIGTERM, SIG_IGN); /* the sessions' end is ours */
  for (;;) {
    struct pollfd p[ERRANDS_AT_ONCE + 1];
    running *place = free_place();
    for (size_t i = 0; i < ERRANDS_AT_ONCE; i++)
      p[i] = (struct pollfd){.fd = places[i].pid ? places[i].fd : -1,
                             .events = POLLIN};
    p[ERRANDS_AT_ONCE] = (struct pollfd){.fd = place && open_still ? sock : -1,
                                         .events = POLLIN};
    if (!open_still && next_deadline() < 0) return;
    if (poll(p, ERRANDS_AT_ONCE + 1, next_deadline()) < 0 && errno != EINTR)
      return;
    for (size_t i = 0; i < ERRANDS_AT_ONCE; i++)
      if (places[i].pid && (p[i].revents || !io_left(places[i].deadline)))
        reap(places + i, !p[i].revents);
    if (p[ERRANDS_AT_ONCE].revents) open_still = take(sock, program, place);
  }
}
