/* Any command as a filter: the message on its stdin, header fields from its
   stdout, its exit code the verdict. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/sgetopt.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "crlf.h"
#include "header.h"
#include "log.h"
#include "parcel-tool.h"

#define SECONDS 60
#define OUTPUT_MAX 65536 /* bytes of header fields */

typedef struct job {
  char const *const *argv;
  int64_t ms;
  pid_t pid; /* 0: not running */
  int in, out;
  io_time deadline;
  stralloc fields, env, text;
  crlf lines;
  int skip; /* another filter has judged it */
} job;

/* Facts become PARCEL_NAME=value, the sender SENDER. */
static void remember(job *j, parcel_record const *r)
{
  int sender = r->type == PARCEL_FROM;
  size_t start;
  if (!sender && (!memchr(r->s, '=', r->len) || memchr(r->s, 0, r->len)))
    return;
  if (!stralloc_cats(&j->env, sender ? "SENDER=" : "PARCEL_"))
    strerr_diefu1sys(111, "allocate memory");
  start = j->env.len;
  if (!stralloc_catb(&j->env, r->s, strlen(r->s) + 1))
    strerr_diefu1sys(111, "allocate memory");
  for (char *p = j->env.s + start; !sender && *p != '='; p++)
    *p = (char)toupper((unsigned char)*p);
}

__attribute__((noreturn)) static void child(job *j, int const *in,
                                            int const *out)
{
  setpgid(0, 0);
  for (size_t i = 0; i < j->env.len; i += strlen(j->env.s + i) + 1)
    putenv(j->env.s + i);
  signal(SIGPIPE, SIG_DFL);
  if (dup2(in[0], 0) < 0 || dup2(out[1], 1) < 0) _exit(111);
  execvp(j->argv[0], (char *const *)(uintptr_t)j->argv);
  _exit(111);
}

static void start(job *j)
{
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
    strerr_diefu1sys(111, "make a pipe");
  j->pid = fork();
  if (j->pid < 0) strerr_diefu1sys(111, "fork");
  if (j->pid == 0) child(j, in, out);
  setpgid(j->pid, j->pid);
  close(in[0]);
  close(out[1]);
  fcntl(in[1], F_SETFL, O_NONBLOCK);
  fcntl(out[0], F_SETFL, O_NONBLOCK);
  j->in = in[1];
  j->out = out[0];
  j->deadline = io_after(j->ms);
  j->lines = (crlf){0};
}

static void close_in(job *j)
{
  if (j->in >= 0) close(j->in);
  j->in = -1;
}

/* Some of the command's output: 1, 0 at its end, -1 (also for too much) */
static int collect(job *j)
{
  char buf[4096];
  ssize_t n = read(j->out, buf, sizeof buf);
  if (n < 0) return errno == EINTR ? 1 : -1;
  if (n == 0) return 0;
  if (j->fields.len + (size_t)n > OUTPUT_MAX) return errno = EMSGSIZE, -1;
  return stralloc_catb(&j->fields, buf, (size_t)n) ? 1 : -1;
}

/* Waits until the command takes input (1) or is out of output (0), reading
   what it says; -1: time is up, or worse. */
static int wait_io(job *j)
{
  for (;;) {
    struct pollfd p[2] = {{.fd = j->in, .events = POLLOUT},
                          {.fd = j->out, .events = POLLIN}};
    int n = poll(p, 2, io_left(j->deadline)), r;
    if (n == 0) return errno = ETIMEDOUT, -1;
    if (n < 0 && errno != EINTR) return -1;
    if (n > 0 && p[1].revents) {
      r = collect(j);
      if (r < 0) return r;
      if (r == 0) close_in(j); /* it wants no more */
      if (j->in < 0) return 0;
      continue;
    }
    if (n > 0 && p[0].revents) return 1;
  }
}

static int feed(job *j, char const *s, size_t len)
{
  while (len && j->in >= 0) {
    ssize_t n = write(j->in, s, len);
    if (n < 0 && errno == EPIPE) {
      close_in(j); /* it need not read all */
      break;
    }
    if (n < 0 && errno != EAGAIN && errno != EINTR) return -1;
    if (n < 0 && wait_io(j) < 0) return -1;
    if (n < 0) continue;
    s += n;
    len -= (size_t)n;
  }
  return 1;
}

static void kill_job(job *j)
{
  if (!j->pid) return;
  kill(-j->pid, SIGKILL);
  waitpid(j->pid, 0, 0);
  close_in(j);
  close(j->out);
  j->pid = 0;
}

/* Without output it may still run: 1, or -1 when its time is up. */
static int wait_exit(job const *j)
{
  int fd = pidfd_open(j->pid, 0), r;
  if (fd < 0) return -1;
  r = io_wait(fd, POLLIN, j->deadline);
  close(fd);
  return r;
}

/* The exit code; -1 if it was killed, late, or said too much. */
static int finish(job *j)
{
  int status;
  if (!j->pid) return -1;
  close_in(j);
  while ((status = collect(j)) > 0 || (status < 0 && errno == EAGAIN))
    if (wait_io(j) < 0) break;
  if (status != 0 || wait_exit(j) < 0) {
    kill_job(j);
    return -1;
  }
  close(j->out);
  waitpid(j->pid, &status, 0);
  j->pid = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void put_fields(job *j, parcel_out *out)
{
  char const *s = j->fields.s;
  size_t len = j->fields.len;
  header_field f;
  while (len && header_next(&f, s, len) > 0) {
    crlf c = {0};
    j->text.len = 0;
    parcel_must(crlf_in(&c, &j->text, f.s, f.len), "allocate memory");
    if (f.s[f.len - 1] != '\n')
      parcel_must(stralloc_catb(&j->text, "\r\n", 2), "allocate memory");
    if (!c.bare && j->text.len < PARCEL_RECORD)
      parcel_write(out, PARCEL_FIELD, j->text.s, j->text.len);
    s += f.len;
    len -= f.len;
  }
}

static void verdict(job *j, parcel_out *out, int code)
{
  static char const reject[] = "reject\0"
                               "550 5.7.1 Refused by local policy";
  static char const junk[] = "junk\0"
                             "250 2.0.0 Junk";
  static char const defer[] = "defer\0"
                              "451 4.7.1 Cannot be judged now";
  if (code == 0 || code == 99) put_fields(j, out);
  if (code == 100)
    parcel_write(out, PARCEL_VERDICT, reject, sizeof reject - 1);
  else if (code == 99)
    parcel_write(out, PARCEL_VERDICT, junk, sizeof junk - 1);
  else if (code != 0)
    parcel_write(out, PARCEL_VERDICT, defer, sizeof defer - 1);
  if (code != 0 && code != 99 && code != 100 && code != 111)
    log_warn("%s ended with code %d", j->argv[0], code);
}

static void message(job *j, parcel_record const *r)
{
  j->text.len = 0;
  parcel_must(crlf_out(&j->lines, &j->text, r->s, r->len), "allocate memory");
  if (feed(j, j->text.s, j->text.len) < 0) {
    log_warnsys("%s", j->argv[0]);
    kill_job(j);
  }
}

static void record(job *j, parcel_record const *r, parcel_out *out,
                   int *started)
{
  if (r->type == PARCEL_BEGIN) {
    j->env.len = j->fields.len = 0;
    j->skip = *started = 0;
  }
  if (r->type == PARCEL_CLIENT || r->type == PARCEL_FROM) remember(j, r);
  if (parcel_refused(r)) {
    j->skip = 1;
    kill_job(j);
  }
  if ((r->type == PARCEL_MESSAGE || r->type == PARCEL_END) && !j->skip) {
    if (!*started) start(j);
    *started = 1;
    if (r->type == PARCEL_MESSAGE && j->pid)
      message(j, r);
    else if (r->type == PARCEL_END)
      verdict(j, out, finish(j));
  }
  parcel_write(out, r->type, r->s, r->len);
  if (r->type == PARCEL_END || r->type == PARCEL_SETTLE) parcel_send(out);
}

int parcel_run(int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  job j = {.ms = SECONDS * 1000, .in = -1, .out = -1};
  parcel_in in;
  parcel_out out;
  parcel_record r;
  unsigned seconds = SECONDS;
  int started = 0;
  char state = 0;
  for (int opt; (opt = subgetopt_r(argc, argv, "t:", &l)) != -1;)
    if (opt != 't' || !uint0_scan(l.arg, &seconds))
      strerr_dieusage(100, "parcel run [ -t seconds ] prog...");
  if (l.ind == argc) strerr_dieusage(100, "parcel run [ -t seconds ] prog...");
  j.ms = (int64_t)seconds * 1000;
  j.argv = argv + l.ind;
  parcel_must(parcel_in_init(&in, 0), "allocate memory");
  parcel_must(parcel_out_init(&out, 1, -1), "allocate memory");
  while (parcel_read(&in, &r, &state)) record(&j, &r, &out, &started);
  parcel_in_free(&in);
  parcel_out_free(&out);
  stralloc_free(&j.fields);
  stralloc_free(&j.env);
  stralloc_free(&j.text);
  return 0;
}
