#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth.h"
#include "unix.h"

#define HANDSHAKE_LINES 64 /* most lines before DONE */

/* Cuts a line at its tabs: a[0..max), missing ones "". Returns their number. */
static unsigned split(char *s, size_t len, char **a, unsigned max)
{
  unsigned n = 0;
  char *p = s;
  s[line_chomp(s, len)] = 0;
  for (unsigned i = 0; i < max; i++) a[i] = "";
  while (n < max) {
    a[n++] = p;
    p = strchr(p, '\t');
    if (!p) break;
    *p++ = 0;
  }
  return n;
}

/* Undoes the protocol's escapes in place: \001 and one of 0 1 t r n. */
static void unescape(char *s)
{
  static char const from[] = "1trn", to[] = "\001\t\r\n";
  char *o = s;
  for (; *s; s++) {
    char const *p;
    if (*s == '\001' && s[1] && (p = strchr(from, s[1]))) {
      *o++ = to[p - from];
      s++;
    } else
      *o++ = *s;
  }
  if (*o) *o = 0; /* a field that is missing is a literal */
}

static int copy(char *to, size_t size, char const *s)
{
  size_t n = strlen(s);
  if (n >= size) return errno = EMSGSIZE, -1;
  memcpy(to, s, n + 1);
  return 1;
}

/* A line as its fields: 1 or -1; the end of the stream is an error. */
static int fields(line_in *in, char **a, unsigned max, unsigned *n,
                  io_time deadline)
{
  char *s;
  size_t len;
  int r = line_get(in, &s, &len, deadline);
  if (r == 0) errno = EPIPE;
  if (r <= 0) return -1;
  if (memchr(s, 0, len)) return errno = EPROTO, -1;
  *n = split(s, len, a, max);
  return 1;
}

static int mechanism(auth_client *a, char const *name)
{
  size_t n = strlen(a->mechanisms);
  if (n + strlen(name) + 2 > sizeof a->mechanisms) return 1; /* enough known */
  if (n) a->mechanisms[n++] = ' ';
  return copy(a->mechanisms + n, sizeof a->mechanisms - n, name);
}

static int handshake(auth_client *a, io_time deadline)
{
  for (unsigned i = 0; i < HANDSHAKE_LINES; i++) {
    char *f[3];
    unsigned n;
    if (fields(&a->in, f, 3, &n, deadline) < 0) return -1;
    if (!strcmp(f[0], "DONE")) return 1;
    if (!strcmp(f[0], "VERSION") && strcmp(f[1], "1")) break;
    if (!strcmp(f[0], "MECH") && mechanism(a, f[1]) < 0) return -1;
    if (!strcmp(f[0], "COOKIE") && copy(a->cookie, sizeof a->cookie, f[1]) < 0)
      return -1;
  }
  return errno = EPROTO, -1;
}

int auth_open(auth_client *a, char const *socket, io_time deadline)
{
  char hello[64];
  int n;
  memset(a, 0, sizeof *a);
  a->pid = (unsigned)getpid();
  a->fd = unix_connect(socket, deadline);
  if (a->fd < 0) return -1;
  line_init(&a->in, a->fd, a->buf, sizeof a->buf);
  n = snprintf(hello, sizeof hello, "VERSION\t1\t2\nCPID\t%u\n", a->pid);
  if (io_write(a->fd, hello, (size_t)n, deadline) > 0 &&
      handshake(a, deadline) > 0)
    return 1;
  int e = errno;
  auth_close(a);
  return errno = e, -1;
}

void auth_close(auth_client *a)
{
  if (a->fd >= 0) close(a->fd);
  a->fd = -1;
  explicit_bzero(a->buf, sizeof a->buf);
}

/* user= and, where it failed, whether only for now, among the parameters. */
static int parameters(char **f, unsigned n, auth_answer *answer, int *temp)
{
  *temp = 0;
  for (unsigned i = 2; i < n; i++) {
    if (!strncmp(f[i], "user=", 5)) {
      unescape(f[i] + 5);
      if (copy(answer->user, sizeof answer->user, f[i] + 5) < 0) return -1;
    } else if (!strcmp(f[i], "temp") || !strcmp(f[i], "code=temp_fail"))
      *temp = 1;
  }
  return 1;
}

/* What the line about our request says; -2: it is about another one. */
static int verdict(char **f, unsigned n, unsigned id, char const *good,
                   auth_answer *answer)
{
  int temp;
  char number[16];
  snprintf(number, sizeof number, "%u", id);
  if (strcmp(f[1], number)) return -2;
  if (!strcmp(f[0], "CONT"))
    return copy(answer->challenge, sizeof answer->challenge, f[2]) < 0
               ? AUTH_TEMP
               : AUTH_CONT;
  if (!strcmp(f[0], "NOTFOUND")) return AUTH_NO;
  if (!strcmp(f[0], "FAIL"))
    return parameters(f, n, answer, &temp) < 0 || temp ? AUTH_TEMP : AUTH_NO;
  if (strcmp(f[0], good)) return -2;
  if (!strcmp(good, "USER")) {
    unescape(f[2]);
    if (!*f[2] || copy(answer->user, sizeof answer->user, f[2]) < 0)
      return AUTH_TEMP;
    return AUTH_OK;
  }
  if (parameters(f, n, answer, &temp) < 0 || !*answer->user) return AUTH_TEMP;
  return AUTH_OK;
}

/* Reads until the answer to request id comes; others' lines are skipped. */
static int answer_get(line_in *in, unsigned id, char const *good,
                      auth_answer *answer, io_time deadline)
{
  answer->user[0] = answer->challenge[0] = 0;
  for (;;) {
    char *f[32];
    unsigned n;
    int r;
    if (fields(in, f, 32, &n, deadline) < 0) return AUTH_TEMP;
    r = verdict(f, n, id, good, answer);
    if (r != -2) return r;
  }
}

static int has_break(char const *s)
{
  return s && s[strcspn(s, "\t\r\n\001")] != 0;
}

/* Sends and wipes line, which holds a secret. */
static int ask(auth_client *a, char *line, size_t size, int n,
               auth_answer *answer, io_time deadline)
{
  int r = AUTH_TEMP;
  if (n > 0 && (size_t)n < size &&
      io_write(a->fd, line, (size_t)n, deadline) > 0)
    r = answer_get(&a->in, a->id, "OK", answer, deadline);
  explicit_bzero(line, size);
  return r;
}

int auth_begin(auth_client *a, char const *mech, auth_facts const *f,
               char const *resp, auth_answer *answer, io_time deadline)
{
  char line[AUTH_LINE];
  int n;
  if (has_break(resp) || has_break(mech)) return AUTH_NO;
  /* resp= is the last: the rest of the line belongs to it */
  n = snprintf(line, sizeof line, "AUTH\t%u\t%s\tservice=%s%s%s%s%s%s%s%s\n",
               ++a->id, mech, f->service, f->secured ? "\tsecured" : "",
               f->localip ? "\tlip=" : "", f->localip ? f->localip : "",
               f->ip ? "\trip=" : "", f->ip ? f->ip : "", resp ? "\tresp=" : "",
               resp ? resp : "");
  return ask(a, line, sizeof line, n, answer, deadline);
}

int auth_continue(auth_client *a, char const *resp, auth_answer *answer,
                  io_time deadline)
{
  char line[AUTH_LINE];
  int n;
  if (has_break(resp)) return AUTH_NO;
  n = snprintf(line, sizeof line, "CONT\t%u\t%s\n", a->id, resp);
  return ask(a, line, sizeof line, n, answer, deadline);
}

int auth_confirm(char const *socket, unsigned pid, unsigned id,
                 char const *cookie, auth_answer *answer, io_time deadline)
{
  char line[160], buf[AUTH_LINE];
  line_in in;
  int n, r = AUTH_TEMP, fd;
  if (has_break(cookie) || strlen(cookie) > 64) return AUTH_NO;
  fd = unix_connect(socket, deadline);
  if (fd < 0) return AUTH_TEMP;
  line_init(&in, fd, buf, sizeof buf);
  n = snprintf(line, sizeof line, "VERSION\t1\t1\nREQUEST\t1\t%u\t%u\t%s\n",
               pid, id, cookie);
  if (io_write(fd, line, (size_t)n, deadline) > 0)
    r = answer_get(&in, 1, "USER", answer, deadline);
  close(fd);
  return r;
}
