#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf.h"
#include "grey-keeper.h"
#include "jail.h"
#include "log.h"

static void path(char to[CONF_PATH_MAX], char const *dir, char const *name)
{
  snprintf(to, CONF_PATH_MAX, "%s/%s", dir, name);
}

static ino_t inode(char const *dir)
{
  char s[CONF_PATH_MAX];
  struct stat st;
  path(s, dir, "data.mdb");
  return stat(s, &st) < 0 ? 0 : st.st_ino;
}

/* Descriptors 0 and 1 are the pipeline's: as long as somebody has them open,
   the next filter waits. (And a database must not get their numbers.) */
static void keep(grey_keeper const *k, int fd)
{
  static jail_path const nothing[] = {{0}};
  static jail const walls = {.paths = nothing};
  grey_question q;
  grey_answer a;
  grey_db *db;
  if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0) _exit(111);
  if (fd > 2) close(fd);
  if (grey_open(&db, k->dir, k->policy->entries, 1, &a) < 0) {
    if (io_read_all(0, &q, sizeof q, IO_FOREVER) > 0)
      io_write(1, &a, sizeof a, io_after(GREY_MS));
    _exit(111);
  }
  if (jail_enter(&walls) < 0) _exit(111);
  while (io_read_all(0, &q, sizeof q, IO_FOREVER) > 0) {
    grey_check(db, k->policy, &q, &a);
    if (io_write(1, &a, sizeof a, io_after(GREY_MS)) < 0) break;
  }
  grey_close(db);
  _exit(0);
}

static int start(grey_keeper *k)
{
  int s[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) < 0) return -1;
  k->file = inode(k->dir);
  k->pid = fork();
  if (k->pid == 0) {
    close(s[0]);
    keep(k, s[1]);
  }
  close(s[1]);
  if (k->pid < 0) {
    k->pid = 0;
    close(s[0]);
    return -1;
  }
  k->fd = s[0];
  return 1;
}

/* The wait status: how it died, if it has closed its end, for then it is past
   being killed. */
static int stop(grey_keeper *k)
{
  int status = 0;
  close(k->fd);
  kill(k->pid, SIGKILL);
  while (waitpid(k->pid, &status, 0) < 0 && errno == EINTR) continue;
  k->pid = 0;
  return status;
}

/* The lock first: who opens in between gets a new lock and the old file, and
   is here again soon. Another process may have done it already. */
static void put_aside(grey_keeper const *k)
{
  char from[CONF_PATH_MAX], to[CONF_PATH_MAX];
  if (!k->file || inode(k->dir) != k->file) return;
  path(from, k->dir, "lock.mdb");
  path(to, k->dir, "lock.mdb.damaged");
  rename(from, to);
  path(from, k->dir, "data.mdb");
  path(to, k->dir, "data.mdb.damaged");
  if (rename(from, to) == 0) log_warn("%s is damaged: renamed to %s", from, to);
}

static int crashed(int status)
{
  int s = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return s == SIGSEGV || s == SIGBUS || s == SIGABRT;
}

static void unanswered(grey_keeper *k, grey_answer *a)
{
  int e = errno, broken = crashed(stop(k));
  *a = (grey_answer){.verdict = broken ? GREY_DAMAGED : GREY_FAILED};
  snprintf(a->why, sizeof a->why, "%.70s",
           broken ? "its reader crashed" : strerror(e));
}

void grey_keeper_ask(grey_keeper *k, grey_question const *q, grey_answer *a)
{
  io_time deadline = io_after(GREY_MS);
  *a = (grey_answer){.verdict = GREY_FAILED};
  if (io_now() < k->again) return;
  if (!k->pid && start(k) < 0) {
    snprintf(a->why, sizeof a->why, "%.70s", strerror(errno));
  } else if (io_write(k->fd, q, sizeof *q, deadline) < 0 ||
             io_read_all(k->fd, a, sizeof *a, deadline) < 0) {
    unanswered(k, a);
  } else if (a->verdict < GREY_FAILED) {
    return;
  } else {
    stop(k);
  }
  a->why[sizeof a->why - 1] = 0;
  log_warn("greylist %s: %s: mail passes", k->dir, a->why);
  if (a->verdict == GREY_DAMAGED)
    put_aside(k);
  else
    k->again = io_after(GREY_AGAIN_MS);
  a->verdict = GREY_FAILED;
}
