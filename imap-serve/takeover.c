#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/types.h>

#include "auth.h"
#include "parse.h"
#include "takeover.h"
#include "unix.h"

typedef struct reading {
  takeover *t;
  int sock;
  io_time deadline;
  char buf[TAKEOVER_FACTS + TAKEOVER_MORE + 32];
  size_t pos, end;
} reading;

static int byte(reading *r, char *c)
{
  if (r->pos == r->end) {
    ssize_t n;
    if (r->end == sizeof r->buf) return errno = EPROTO, -1;
    n = unix_recv_fd(r->sock, r->buf + r->end, sizeof r->buf - r->end,
                     &r->t->fd, r->deadline);
    if (n <= 0) return n ? -1 : (errno = EPIPE, -1);
    r->end += (size_t)n;
  }
  *c = r->buf[r->pos++];
  return 1;
}

static int netstring(reading *r, char *to, size_t most, size_t *len)
{
  char c;
  unsigned digits = 0;
  for (*len = 0;; digits++) {
    if (byte(r, &c) < 0) return -1;
    if (c == ':' && digits) break;
    if (c < '0' || c > '9' || digits > 5) return errno = EPROTO, -1;
    *len = *len * 10 + (size_t)(c - '0');
  }
  if (*len > most) return errno = EMSGSIZE, -1;
  for (size_t i = 0; i < *len; i++)
    if (byte(r, to + i) < 0) return -1;
  if (byte(r, &c) < 0) return -1;
  return c == ',' ? 1 : (errno = EPROTO, -1);
}

int takeover_read(takeover *t, int sock, io_time deadline)
{
  static reading r;
  r = (reading){.t = t, .sock = sock, .deadline = deadline};
  t->fd = -1;
  if (netstring(&r, t->facts, TAKEOVER_FACTS, &t->factslen) < 0 ||
      netstring(&r, t->more, TAKEOVER_MORE, &t->morelen) < 0)
    return -1;
  t->facts[t->factslen] = 0;
  return t->fd >= 0 ? 1 : (errno = EPROTO, -1);
}

char const *takeover_fact(takeover const *t, char const *name)
{
  size_t n = strlen(name);
  for (size_t at = 0; at < t->factslen; at += strlen(t->facts + at) + 1)
    if (!strncmp(t->facts + at, name, n) && t->facts[at + n] == '=')
      return t->facts + at + n + 1;
  return "";
}

static int good_tag(char const *s)
{
  size_t n = strlen(s);
  for (size_t i = 0; i < n; i++)
    if (!parse_is_astring(s[i]) || s[i] == '+') return 0;
  return n > 0;
}

int takeover_confirm(takeover *t, char const *master, io_time deadline)
{
  static auth_answer answer;
  unsigned pid, id;
  int r;
  if (!good_tag(takeover_fact(t, "tag")) ||
      !uint0_scan(takeover_fact(t, "pid"), &pid) ||
      !uint0_scan(takeover_fact(t, "id"), &id))
    return errno = EPROTO, -1;
  r = auth_confirm(master, pid, id, takeover_fact(t, "cookie"), &answer,
                   deadline);
  if (r == AUTH_OK) {
    snprintf(t->account, sizeof t->account, "%s", answer.user);
    return 1;
  }
  return r == AUTH_NO ? 0 : -1;
}
