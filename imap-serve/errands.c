#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "errands-run.h"
#include "errands.h"
#include "log.h"
#include "unix.h"

#define THRESHOLDS 8

static char const letters[] = "SHQ";
static char const *const names[] = {"ROHRPOST_LEARN_SPAM", "ROHRPOST_LEARN_HAM",
                                    "ROHRPOST_QUOTA_WARN"};
#define NAMES (sizeof names / sizeof *names)

static errand_program programs[NAMES];
static unsigned thresholds[THRESHOLDS], nthresholds;
static char const *account = "";
static int sock = -1;

static void split(errand_program *p, char const *words)
{
  char *copy = strdup(words), *save = 0;
  unsigned n = 0;
  if (!copy) strerr_diefu1sys(111, "remember a program");
  for (char *w = strtok_r(copy, " \t", &save); w && n < ERRANDS_WORDS;
       w = strtok_r(0, " \t", &save))
    p->v[n++] = w;
}

/* "80,95": 1 or 0 */
static int read_thresholds(char const *s)
{
  while (nthresholds < THRESHOLDS) {
    size_t n = uint_scan(s, thresholds + nthresholds);
    if (!n || !thresholds[nthresholds] || thresholds[nthresholds] > 100)
      return 0;
    nthresholds++;
    s += n;
    if (!*s) return 1;
    if (*s++ != ',') return 0;
  }
  return 0;
}

static int read_programs(void)
{
  int some = 0;
  for (size_t i = 0; i < NAMES; i++) {
    char const *words = getenv(names[i]);
    if (words) split(programs + i, words);
    if (words && letters[i] == ERRAND_QUOTA && programs[i].v[0]) {
      if (!read_thresholds(programs[i].v[0]) || !programs[i].v[1])
        strerr_dief2x(100, names[i], " has to be PERCENT,… PROGRAM");
      memmove(programs[i].v, programs[i].v + 1,
              sizeof programs[i].v - sizeof *programs[i].v);
    }
    if (programs[i].v[0]) some = 1;
  }
  return some;
}

/* By way of a child, so that nobody has to wait for it. */
static int detach(int ours, int theirs)
{
  int status;
  pid_t pid = fork();
  if (pid < 0) return -1;
  if (pid) return waitpid(pid, &status, 0) == pid && !status ? 1 : -1;
  close(ours);
  pid = fork();
  if (pid) _exit(pid < 0);
  errands_run(theirs, programs);
  _exit(0);
}

int errands_begin(void)
{
  int s[2], r, e;
  if (!read_programs()) return 0;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) < 0) return -1;
  r = detach(s[0], s[1]);
  e = errno;
  close(s[1]);
  if (r > 0)
    sock = s[0];
  else
    close(s[0]);
  return errno = e, r;
}

void errands_account(char const *name)
{
  account = name;
}

int errands_wanted(errand what)
{
  return sock >= 0 && programs[strchr(letters, what) - letters].v[0] != 0;
}

static void tell(errand what, unsigned percent, int fd)
{
  char text[ERRANDS_TEXT];
  int n = snprintf(text, sizeof text, "%c%u %s", what, percent, account);
  static int deaf; /* once is enough to wait for one that is stuck */
  if (deaf || n >= ERRANDS_TEXT) return;
  if (unix_send_fd(sock, text, (size_t)n, fd, io_after(ERRANDS_WAIT_MS)) > 0)
    return;
  deaf = 1;
  log_warnsys("unable to have a program of %s run",
              names[strchr(letters, what) - letters]);
}

void errands_send(errand what, int fd)
{
  if (errands_wanted(what)) tell(what, 0, fd);
}

static int passes(uint64_t limit, uint64_t before, uint64_t now, unsigned at)
{
  uint64_t line = limit / 100 * at + limit % 100 * at / 100;
  return limit && before <= line && now > line;
}

void errands_quota(quota const *limit, quota const *before, quota const *now)
{
  unsigned highest = 0;
  if (!errands_wanted(ERRAND_QUOTA)) return;
  for (unsigned i = 0; i < nthresholds; i++)
    if (thresholds[i] > highest &&
        (passes(limit->bytes, before->bytes, now->bytes, thresholds[i]) ||
         passes(limit->messages, before->messages, now->messages,
                thresholds[i])))
      highest = thresholds[i];
  if (highest) tell(ERRAND_QUOTA, highest, 2); /* it reads nothing */
}
