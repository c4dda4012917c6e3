#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "addr.h"
#include "conf.h"
#include "dots.h"
#include "header.h"
#include "message.h"

#define CHUNK_LINE 40  /* "BDAT n LAST" */
#define CHUNK_WINDOW 8 /* chunks ahead of their replies */
#define PIECE ((SESSION_OUT - CHUNK_LINE - 8) / 2)

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

/* The value is No, whatever its case and the blanks around it. */
static int says_no(header_field const *f)
{
  char const *s = f->value, *end = s + f->valuelen;
  while (s < end && strchr(" \t\r\n", *s)) s++;
  while (end > s && strchr(" \t\r\n", end[-1])) end--;
  return end - s == 2 && !strncasecmp(s, "No", 2);
}

int message_tls_optional(letter const *l)
{
  header_field f;
  size_t len;
  char *s = compose_header(&l->message, &len);
  int no = s && header_find(&f, s, len, "TLS-Required", 0) && says_no(&f);
  free(s);
  return no;
}

/* 1; 0 when the peer has said something or takes no more */
static int flush(session *s)
{
  size_t n = s->outlen, done;
  s->outlen = 0;
  return io_write_watch(s->fd, s->out, n, s->fd, &done,
                        session_until(s, s->limits->block)) > 0;
}

typedef struct way {
  session *s;
  enum dots state;
  int chunks;       /* by BDAT, and s->out begins with room for its line */
  unsigned waiting; /* chunks whose replies have not been read */
  reply *early;
  int lost; /* errno of a chunk's reply */
} way;

/* The replies of all chunks but so many: 1 or 0 */
static int chunk_replies(way *w, unsigned left)
{
  for (; w->waiting > left; w->waiting--) {
    if (session_reply(w->s, w->early, w->s->limits->block) < 0) {
      w->lost = errno;
      return 0;
    }
    if (w->early->code / 100 != 2) return 0;
    w->early->code = 0;
  }
  return 1;
}

/* What is in s->out as one chunk: 1 or 0 */
static int chunk(way *w, int last)
{
  session *s = w->s;
  char line[CHUNK_LINE];
  size_t n = s->outlen - CHUNK_LINE, done;
  int len =
      snprintf(line, sizeof line, "BDAT %zu%s\r\n", n, last ? " LAST" : "");
  char *from = s->out + CHUNK_LINE - len;
  if (!w->waiting && session_early(s)) return 0;
  memcpy(from, line, (size_t)len);
  session_show(s, line, (size_t)len);
  s->outlen = CHUNK_LINE;
  if (io_write_watch(s->fd, from, n + (size_t)len, -1, &done,
                     session_until(s, s->limits->block)) < 0)
    return 0;
  w->waiting++;
  if (last) return chunk_replies(w, 1);
  return chunk_replies(w, s->can & CAN_PIPELINING ? CHUNK_WINDOW : 0);
}

static int put_piece(char const *p, size_t n, void *data)
{
  way *w = data;
  session *s = w->s;
  while (n) {
    size_t k = n > PIECE ? PIECE : n;
    if (sizeof s->out - s->outlen < 2 * k + 8 &&
        !(w->chunks ? chunk(w, 0) : flush(s)))
      return 0;
    s->outlen += (w->chunks ? dots_none : dots_stuff)(&w->state,
                                                      s->out + s->outlen, p, k);
    p += k;
    n -= k;
  }
  return 1;
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

static int finish(way *w)
{
  session *s = w->s;
  if (w->chunks) {
    s->outlen += dots_last(&w->state, s->out + s->outlen);
    return chunk(w, 1);
  }
  if (sizeof s->out - s->outlen < 8 && !flush(s)) return 0;
  s->outlen += dots_end(&w->state, s->out + s->outlen);
  return !session_early(s) && flush(s);
}

int message_send(session *s, letter *l, parcel_in *in, reply *early)
{
  way w = {.s = s, .chunks = (s->can & CAN_CHUNKING) != 0, .early = early};
  int r;
  early->code = 0;
  if (w.chunks) s->outlen = CHUNK_LINE;
  r = write_out(l, put_piece, &w);
  if (r > 0) r = stream(&w, l, in);
  if (r > 0) r = finish(&w) ? MESSAGE_SENT : MESSAGE_EARLY;
  s->outlen = 0;
  if (w.lost) return errno = w.lost, MESSAGE_LOST;
  return r < 0 ? MESSAGE_BROKEN : r;
}
