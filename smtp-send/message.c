#include <errno.h>
#include <poll.h>
#include <string.h>

#include "addr.h"
#include "dots.h"
#include "header.h"
#include "message.h"

#define PIECE ((SESSION_OUT - 8) / 2)

unsigned long long message_size(letter const *l)
{
  return l->held.len;
}

int message_header_utf8(letter const *l)
{
  return addr_is_utf8(l->held.s, header_size(l->held.s, l->held.len));
}

/* 1; 0 when the peer has said something or takes no more */
static int flush(session *s)
{
  size_t n = s->outlen, done;
  s->outlen = 0;
  return io_write_watch(s->fd, s->out, n, s->fd, &done,
                        io_after(s->limits->block * 1000LL)) > 0;
}

static int put(session *s, enum dots *state, char const *p, size_t n)
{
  while (n) {
    size_t k = n > PIECE ? PIECE : n;
    if (sizeof s->out - s->outlen < 2 * k + 8 && !flush(s)) return 0;
    s->outlen += dots_stuff(state, s->out + s->outlen, p, k);
    p += k;
    n -= k;
  }
  return 1;
}

/* What follows what was held: nothing but M can still be obeyed. */
static int stream(session *s, letter *l, parcel_in *in, enum dots *state)
{
  while (!l->complete) {
    parcel_record r;
    int got = parcel_get(in, &r, io_after(PARCEL_MS));
    if (got == 0) errno = EPIPE;
    if (got <= 0) return MESSAGE_BROKEN;
    if (parcel_order(&l->order, r.type) < 0) return MESSAGE_BROKEN;
    if (r.type == PARCEL_MESSAGE && !put(s, state, r.s, r.len))
      return MESSAGE_EARLY;
    if (strchr("EHAV", r.type)) return errno = EMSGSIZE, MESSAGE_BROKEN;
    l->complete = r.type == PARCEL_END;
  }
  return MESSAGE_SENT;
}

int message_send(session *s, letter *l, parcel_in *in)
{
  enum dots state = DOTS_START;
  int r;
  if (!put(s, &state, l->held.s, l->held.len)) return MESSAGE_EARLY;
  r = stream(s, l, in, &state);
  if (r != MESSAGE_SENT) return r;
  if (sizeof s->out - s->outlen < 8 && !flush(s)) return MESSAGE_EARLY;
  s->outlen += dots_end(&state, s->out + s->outlen);
  return flush(s) ? MESSAGE_SENT : MESSAGE_EARLY;
}

int message_compose(letter *l)
{
  (void)l;
  return 1;
}
