/* Packets: four bytes of length, a command, data. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/uint32.h>

#include "milter.h"

int milter_put(milter *m, char command, void const *s, size_t len)
{
  char head[5];
  uint32_pack_big(head, (uint32_t)len + 1);
  head[4] = command;
  return stralloc_catb(&m->out, head, sizeof head) &&
                 stralloc_catb(&m->out, s, len)
             ? 1
             : -1;
}

int milter_flush(milter *m, io_time deadline)
{
  size_t len = m->out.len;
  m->out.len = 0;
  return len ? io_write(m->fd, m->out.s, len, deadline) : 1;
}

int milter_get(milter *m, char **s, size_t *len, io_time deadline)
{
  char head[4];
  uint32_t n;
  if (!m->in && !(m->in = malloc(MILTER_ANSWER + 1))) return -1;
  if (io_read_all(m->fd, head, sizeof head, deadline) < 0) return -1;
  uint32_unpack_big(head, &n);
  if (!n || n > MILTER_ANSWER) return errno = n ? EMSGSIZE : EPROTO, -1;
  if (io_read_all(m->fd, m->in, n, deadline) < 0) return -1;
  m->in[n] = 0;
  *s = m->in + 1;
  *len = n - 1;
  return (unsigned char)*m->in;
}

int milter_macros(milter *m, char command, char const *const *pairs)
{
  stralloc s = STRALLOC_ZERO;
  int good = stralloc_append(&s, command) ? 1 : -1;
  for (; good > 0 && *pairs; pairs += 2)
    if (*pairs[1] && (!stralloc_cats(&s, pairs[0]) || !stralloc_0(&s) ||
                      !stralloc_cats(&s, pairs[1]) || !stralloc_0(&s)))
      good = -1;
  if (good > 0) good = milter_put(m, 'D', s.s, s.len);
  stralloc_free(&s);
  return good;
}

/* What the far side did, and whose fault it is. */
milter_answer milter_fail(milter *m, char const *what)
{
  m->error = errno == ETIMEDOUT                     ? MILTER_ON_TIMEOUT
             : errno == EPROTO || errno == EMSGSIZE ? MILTER_ON_BAD_ANSWER
                                                    : MILTER_ON_UNREACHABLE;
  snprintf(m->why, sizeof m->why, "%s: %s", what, strerror(errno));
  if (m->fd >= 0) close(m->fd);
  m->fd = -1;
  m->out.len = 0;
  return MILTER_FAILED;
}

void milter_close(milter *m)
{
  if (m->fd < 0) return;
  m->out.len = 0;
  /* Nobody waits for its end: what does not fit into the socket is not said. */
  if (milter_put(m, 'A', "", 0) > 0 && milter_put(m, 'Q', "", 0) > 0)
    milter_flush(m, io_now());
  close(m->fd);
  m->fd = -1;
}
