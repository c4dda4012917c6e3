#include <errno.h>
#include <poll.h>
#include <string.h>

#include "addr.h"
#include "conf.h"
#include "dots.h"
#include "message.h"

#define PIECE ((SESSION_OUT - 8) / 2)

static int write_out(letter const *l, int (*put)(char const *, size_t, void *),
                     void *data)
{
  compose_trace const t = {
      .by = conf_me(), .delivered_to = l->alias ? letter_text(l, l->alias) : 0};
  return compose_write(&l->message, &t, put, data);
}

static int count(char const *s, size_t n, void *data)
{
  (void)s;
  *(unsigned long long *)data += n;
  return 1;
}

unsigned long long message_size(letter const *l)
{
  unsigned long long n = 0;
  return write_out(l, count, &n) == 1 ? n : 0;
}

typedef struct search {
  int start; /* of a line */
  int utf8;
} search;

/* Stops (2) at the end of the header, or when it has found what it seeks. */
static int seek(char const *s, size_t n, void *data)
{
  search *x = data;
  for (size_t i = 0; i < n; i++) {
    if (s[i] == '\n') {
      if (x->start) return 2;
      x->start = 1;
    } else if (s[i] != '\r')
      x->start = 0;
    if (s[i] & 0x80) {
      x->utf8 = 1;
      return 2;
    }
  }
  return 1;
}

static int high(char const *s, size_t n, void *data)
{
  (void)data;
  return addr_is_utf8(s, n) ? 2 : 1;
}

int message_8bit(letter const *l)
{
  return !l->complete || write_out(l, high, 0) != 1;
}

int message_header_utf8(letter const *l)
{
  search x = {1, 0};
  write_out(l, seek, &x);
  return x.utf8;
}

/* 1; 0 when the peer has said something or takes no more */
static int flush(session *s)
{
  size_t n = s->outlen, done;
  s->outlen = 0;
  return io_write_watch(s->fd, s->out, n, s->fd, &done,
                        session_until(s, s->limits->block)) > 0;
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

typedef struct way {
  session *s;
  enum dots state;
} way;

static int put_piece(char const *p, size_t n, void *data)
{
  way *w = data;
  return put(w->s, &w->state, p, n);
}

/* What follows what was held. */
static int stream(way *w, letter *l, parcel_in *in)
{
  while (!l->complete) {
    parcel_record r;
    if (parcel_next(in, &r, &l->order) <= 0) return MESSAGE_BROKEN;
    if (r.type == PARCEL_MESSAGE && !put_piece(r.s, r.len, w))
      return MESSAGE_EARLY;
    if (strchr("EHAV", r.type)) return errno = EPROTO, MESSAGE_BROKEN;
    l->complete = r.type == PARCEL_END;
  }
  return MESSAGE_SENT;
}

int message_send(session *s, letter *l, parcel_in *in)
{
  way w = {s, DOTS_START};
  int r = write_out(l, put_piece, &w);
  if (r < 0) return MESSAGE_BROKEN;
  if (r == 0) return MESSAGE_EARLY;
  r = stream(&w, l, in);
  if (r != MESSAGE_SENT) return r;
  if (sizeof s->out - s->outlen < 8 && !flush(s)) return MESSAGE_EARLY;
  s->outlen += dots_end(&w.state, s->out + s->outlen);
  return flush(s) ? MESSAGE_SENT : MESSAGE_EARLY;
}
