#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/uint32.h>

#include "dial.h"
#include "milter.h"
#include "unix.h"

#define CONNECT_MS 10000
#define VERSION_MIN 2

char const *const milter_words[MILTER_WORDS] = {
    "reject", "tempfail",    "discard",  "quarantine",
    "change", "unreachable", "time-out", "bad-answer"};

int milter_place(milter *m, char const *s)
{
  char const *at;
  size_t n;
  *m->port = 0;
  if (!strncmp(s, "unix:", 5))
    return s[5] == '/' &&
           snprintf(m->host, sizeof m->host, "%s", s + 5) < (int)sizeof m->host;
  if (strncmp(s, "inet:", 5)) return 0;
  s += 5;
  n = strspn(s, "0123456789");
  at = s + n;
  if (!n || n > 5 || (*at && (*at != '@' || !at[1]))) return 0;
  memcpy(m->port, s, n);
  m->port[n] = 0;
  s = *at ? at + 1 : "localhost";
  return snprintf(m->host, sizeof m->host, "%s", s) < (int)sizeof m->host;
}

/* All that may be left out or left unanswered; not that it hears of recipients
   that were refused (0x800). */
static uint32_t steps_of(unsigned version)
{
  return version > 2 ? 0x1ff7ff : 0x7f;
}

static int negotiate(milter *m, unsigned version, io_time deadline)
{
  char offer[12], *s;
  size_t len;
  uint32_t got;
  int r;
  uint32_pack_big(offer, version);
  uint32_pack_big(offer + 4, m->offered);
  uint32_pack_big(offer + 8, steps_of(version));
  if (milter_put(m, 'O', offer, sizeof offer) < 0 ||
      milter_flush(m, deadline) < 0)
    return -1;
  r = milter_get(m, &s, &len, deadline);
  if (r < 0) return -1;
  if (r != 'O' || len < 12) return errno = EPROTO, -1;
  uint32_unpack_big(s, &got);
  uint32_unpack_big(s + 4, &m->actions);
  uint32_unpack_big(s + 8, &m->steps);
  m->version = got;
  if (got < VERSION_MIN || got > version) return errno = EPROTO, -1;
  if (m->actions & ~m->offered || m->steps & ~steps_of(version))
    return errno = ENOTSUP, -1;
  return 1;
}

static int begin(milter *m, unsigned version)
{
  io_time soon = io_after(CONNECT_MS),
          deadline = io_after((int64_t)m->seconds * 1000);
  int r;
  m->out.len = 0;
  m->fd = *m->port ? dial(m->host, m->port, soon < deadline ? soon : deadline)
                   : unix_connect(m->host, soon < deadline ? soon : deadline);
  if (m->fd < 0) return -1;
  r = negotiate(m, version, deadline);
  if (r < 0) {
    int e = errno;
    close(m->fd);
    m->fd = -1;
    errno = e;
  }
  return r;
}

milter_answer milter_open(milter *m)
{
  int r;
  milter_close(m);
  *m->quarantine = 0;
  m->unkept = 0;
  r = begin(m, m->highest);
  /* Old ones hang up on what they do not know. */
  if (r < 0 && (errno == EPIPE || errno == ECONNRESET) && m->highest > 2)
    r = begin(m, 2);
  if (m->said) {
    char s[64];
    snprintf(s, sizeof s, "version %u actions 0x%x steps 0x%x", m->version,
             m->actions, m->steps);
    m->said(m, "negotiate", r > 0 ? s : "failed");
  }
  if (r > 0) return MILTER_CONTINUE;
  if (errno != ENOTSUP) return milter_fail(m, "unable to begin");
  m->error = MILTER_ON_BAD_ANSWER;
  snprintf(m->why, sizeof m->why,
           "it wants to do 0x%x or not to hear 0x%x, which was not offered",
           m->actions & ~m->offered, m->steps & ~steps_of(m->version));
  return MILTER_FAILED;
}

/* The answer that a packet is, or MILTER_WORDS for what comes before one. */
static int answer(milter *m, int command, char const *s)
{
  switch (command) {
  case 'c': return MILTER_CONTINUE;
  case 'a': return MILTER_ACCEPT;
  case 's': return MILTER_SKIP;
  case 'r': return MILTER_REJECT;
  case 't':
  case '4': return MILTER_TEMPFAIL; /* 4: it shuts down */
  case 'd': return MILTER_DISCARD;
  case 'y':
    if (milter_reply(m, s)) return MILTER_REPLY;
    return errno = EPROTO, MILTER_FAILED;
  case 'f': return errno = EPROTO, MILTER_FAILED;
  default: return -1;
  }
}

/* "reject", or the reply */
static void tell(milter *m, char const *step, int a)
{
  static char const *const words[] = {"continue", "accept",  "skip", "reject",
                                      "tempfail", "discard", "",     "failed"};
  if (m->said) m->said(m, step, a == MILTER_REPLY ? m->reply : words[a]);
}

static milter_answer listen_to(milter *m, char const *step,
                               milter_change *change, void *with, unsigned ms)
{
  io_time end = io_after(change ? (int64_t)m->end_seconds * 1000
                                : (int64_t)m->seconds * 1000),
          each = io_after(ms);
  for (int n = 0; n < MILTER_CHANGES;) {
    char *s;
    size_t len;
    int command = milter_get(m, &s, &len, each < end ? each : end), a;
    if (command < 0) return milter_fail(m, step);
    a = answer(m, command, s);
    if (a == MILTER_FAILED) return milter_fail(m, step);
    if (a >= 0) return tell(m, step, a), (milter_answer)a;
    each = io_after(ms);
    if (command == 'p') continue; /* still busy: within the end, as long */
    n++;
    if (!change) return errno = EPROTO, milter_fail(m, step);
    if (change(m, (char)command, s, len, with) < 0) return milter_fail(m, step);
  }
  return errno = EMSGSIZE, milter_fail(m, step);
}

milter_answer milter_ask(milter *m, char const *step, char command,
                         stralloc const *data, uint32_t silent,
                         milter_change *change, void *with)
{
  unsigned ms = (change ? m->end_seconds : m->seconds) * 1000;
  if (milter_put(m, command, data->s, data->len) < 0)
    return milter_fail(m, step);
  if (m->steps & silent && m->out.len < MILTER_CHUNK) return MILTER_CONTINUE;
  if (milter_flush(m, io_after((int64_t)m->seconds * 1000)) < 0)
    return milter_fail(m, step);
  if (m->steps & silent) return MILTER_CONTINUE;
  return listen_to(m, step, change, with, ms);
}
