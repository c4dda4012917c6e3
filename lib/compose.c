#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compose-omit.h"
#include "compose.h"
#include "header.h"

/* A kept record: its length, type and bytes, its length again, so that it
   can be walked both ways. */
#define SIZE sizeof(uint32_t)
#define AROUND (2 * SIZE + 1)

typedef struct kept {
  char type;
  char const *s;
  size_t len;
} kept;

static size_t length_at(char const *s)
{
  uint32_t n;
  memcpy(&n, s, SIZE);
  return n;
}

static size_t kept_at(kept *k, char const *s)
{
  k->len = length_at(s);
  k->type = s[SIZE];
  k->s = s + SIZE + 1;
  return k->len + AROUND;
}

static int keep(compose *c, parcel_record const *r)
{
  uint32_t n = (uint32_t)r->len;
  if (!stralloc_readyplus(&c->late, r->len + AROUND + 2)) return -1;
  stralloc_catb(&c->late, (char *)&n, SIZE);
  stralloc_catb(&c->late, &r->type, 1);
  stralloc_catb(&c->late, r->s, r->len);
  stralloc_catb(&c->late, (char *)&n, SIZE);
  return 1;
}

/* Whether H is whole fields with CRLF: it must not end the header. */
static int good_field(char const *s, size_t len)
{
  if (len < 2 || s[len - 2] != '\r' || s[len - 1] != '\n' || s[0] == '\r' ||
      s[0] == ' ' || s[0] == '\t' || memchr(s, 0, len))
    return 0;
  for (char const *p = s, *end = s + len; p < end;) {
    char const *lf = memchr(p, '\n', (size_t)(end - p));
    if (!lf || lf == p || lf[-1] != '\r' || lf == p + 1) return 0;
    p = lf + 1;
  }
  return 1;
}

static int good_result(char const *s, size_t len)
{
  for (size_t i = 0; i < len; i++)
    if ((s[i] >= 0 && s[i] < ' ') || s[i] == 127) return 0;
  return len != 0;
}

static int good_omission(parcel_record const *r)
{
  char const *n = parcel_part(r, 1);
  return n && *r->s && strtoul(n, 0, 10) > 0;
}

/* Looks for the empty line; state: 0 inside a line, 1 at its start, 2 behind
   a CR that is first in a line. */
static void find_body(compose *c, char const *s, size_t len)
{
  char const *end = s + len;
  for (char const *p = s; p < end; p++) {
    if (c->state == 0) {
      p = memchr(p, '\n', (size_t)(end - p));
      if (!p) break;
      c->state = 1;
    } else if (*p == '\n') {
      c->header += (uint64_t)(p + 1 - s);
      c->state = 3;
      return;
    } else
      c->state = *p == '\r' && c->state == 1 ? 2 : 0;
  }
  c->header += len;
}

static int message(compose *c, parcel_record const *r)
{
  if (spool_put(&c->message, r->s, r->len) < 0) return -1;
  if (spool_size(&c->message) == r->len) c->state = 1;
  if (c->state != 3) find_body(c, r->s, r->len);
  return 1;
}

int compose_take(compose *c, parcel_record const *r)
{
  int good = 1;
  switch (r->type) {
  case PARCEL_MESSAGE:
    if (!r->len) return 1;
    if (message(c, r) < 0) return -1;
    break;
  case PARCEL_FIELD: good = good_field(r->s, r->len); break;
  case PARCEL_RESULT: good = good_result(r->s, r->len); break;
  case PARCEL_OMIT: good = good_omission(r); break;
  default: return 1;
  }
  if (!good) return errno = EPROTO, -1;
  if (c->late.len + c->header > COMPOSE_HEADER) return errno = EMSGSIZE, 0;
  return r->type == PARCEL_MESSAGE ? 1 : keep(c, r);
}

typedef struct writer {
  int (*put)(char const *, size_t, void *);
  void *data;
} writer;

static int put(writer const *w, char const *s)
{
  return *s ? w->put(s, strlen(s), w->data) : 1;
}

static int puts3(writer const *w, char const *a, char const *b, char const *c)
{
  int r = put(w, a);
  if (r == 1) r = put(w, b);
  return r == 1 ? put(w, c) : r;
}

static int results(compose const *c, char const *by, writer const *w)
{
  int r = 1, any = 0;
  kept k;
  for (size_t i = 0; i < c->late.len && r == 1;) {
    i += kept_at(&k, c->late.s + i);
    if (k.type != PARCEL_RESULT) continue;
    r = any ? put(w, ";\r\n\t")
            : puts3(w, "Authentication-Results: ", by, ";\r\n\t");
    if (r == 1) r = w->put(k.s, k.len, w->data);
    any = 1;
  }
  return any && r == 1 ? put(w, "\r\n") : r;
}

static int fields(compose const *c, writer const *w)
{
  for (size_t i = c->late.len; i;) {
    kept k;
    size_t n = length_at(c->late.s + i - SIZE);
    int r;
    i -= n + AROUND;
    kept_at(&k, c->late.s + i);
    if (k.type != PARCEL_FIELD) continue;
    r = w->put(k.s, k.len, w->data);
    if (r != 1) return r;
  }
  return 1;
}

static size_t omissions(compose const *c, omit *v)
{
  size_t n = 0;
  kept k;
  for (size_t i = 0; i < c->late.len;) {
    i += kept_at(&k, c->late.s + i);
    if (k.type != PARCEL_OMIT) continue;
    if (v)
      v[n] = (omit){.name = k.s,
                    .len = strnlen(k.s, k.len),
                    .nth = strtoul(k.s + strnlen(k.s, k.len) + 1, 0, 10)};
    n++;
  }
  return n;
}

static int pick(char const *s, size_t len, omit *v, size_t n, writer const *w)
{
  header_field f;
  int r;
  for (size_t i = 0; i < len; i += f.len) {
    int got = header_next(&f, s + i, len - i);
    if (got == 0) return w->put(s + i, len - i, w->data);
    if (got > 0 && omit_field(v, n, f.s, f.namelen)) continue;
    r = w->put(f.s, f.len, w->data);
    if (r != 1) return r;
  }
  return 1;
}

/* The message's header less what is omitted; there is something to omit. */
static int header(compose const *c, size_t n, writer const *w)
{
  size_t len = (size_t)c->header;
  omit *v = calloc(n, sizeof *v);
  char *s = malloc(len ? len : 1);
  int r = -1;
  if (v && s && spool_get(&c->message, s, len) > 0) {
    omissions(c, v);
    omit_prepare(v, n);
    r = pick(s, len, v, n, w);
  }
  free(s);
  free(v);
  return r;
}

typedef struct skipper {
  uint64_t skip;
  writer const *w;
} skipper;

static int skip_put(char const *s, size_t n, void *data)
{
  skipper *x = data;
  size_t cut = n > x->skip ? (size_t)x->skip : n;
  x->skip -= cut;
  return n == cut ? 1 : x->w->put(s + cut, n - cut, x->w->data);
}

int compose_write(compose const *c, compose_trace const *t,
                  int (*out)(char const *, size_t, void *), void *data)
{
  writer w = {out, data};
  skipper rest = {0, &w};
  size_t n = omissions(c, 0);
  int r = 1;
  if (t->return_path) r = puts3(&w, "Return-Path: <", t->return_path, ">\r\n");
  if (r == 1 && t->delivered_to)
    r = puts3(&w, "Delivered-To: ", t->delivered_to, "\r\n");
  if (r == 1) r = results(c, t->by, &w);
  if (r == 1) r = fields(c, &w);
  if (r == 1 && n) {
    r = header(c, n, &w);
    rest.skip = c->header;
  }
  return r == 1 ? spool_each(&c->message, skip_put, &rest) : r;
}

typedef struct onward {
  parcel_out *out;
  io_time deadline;
} onward;

static int onward_put(char const *s, size_t n, void *data)
{
  onward *o = data;
  return parcel_put_message(o->out, s, n, o->deadline);
}

int compose_forward(compose const *c, parcel_out *out, io_time deadline)
{
  onward o = {out, deadline};
  int r = spool_each(&c->message, onward_put, &o);
  for (size_t i = 0; r == 1 && i < c->late.len;) {
    kept k;
    i += kept_at(&k, c->late.s + i);
    r = parcel_put(out, k.type, k.s, k.len, deadline);
  }
  return r;
}

void compose_reset(compose *c)
{
  spool_reset(&c->message);
  c->late.len = 0;
  c->header = 0;
  c->state = 0;
}

void compose_free(compose *c)
{
  spool_free(&c->message);
  stralloc_free(&c->late);
}

char *compose_header(compose const *c, size_t *len)
{
  char *s = malloc((size_t)c->header + 1);
  *len = (size_t)c->header;
  if (!s || spool_get(&c->message, s, *len) > 0) return s;
  int e = errno;
  free(s);
  return errno = e, (char *)0;
}
