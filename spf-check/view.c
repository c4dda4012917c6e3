#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "view.h"

void view_reset(view *v)
{
  compose_reset(&v->c);
  v->whole = 1;
  v->received = 0;
  v->size = v->total = 0;
  v->results = v->changes = 0;
  v->nabove = 0;
  v->above.len = v->omitted.len = v->header.len = 0;
  v->added.len = v->low.len = v->gone.len = 0;
}

static int is_received(parcel_record const *r)
{
  return r->len > 9 && !strncasecmp(r->s, "Received:", 9);
}

static int keep(view *v, parcel_record const *r)
{
  switch (r->type) {
  case PARCEL_RESULT: v->results++; return 1;
  case PARCEL_FIELD:
    if (!v->above.len) v->received = is_received(r);
    return stralloc_catb(&v->above, r->s, r->len) ? 1 : -1;
  case PARCEL_OMIT:
    return stralloc_catb(&v->omitted, r->s, r->len) && stralloc_0(&v->omitted)
               ? 1
               : -1;
  default: return 1;
  }
}

void view_take(view *v, parcel_record const *r, uint64_t max)
{
  if (!strchr("MEHA", r->type)) return;
  if (r->type == PARCEL_MESSAGE) v->size += r->len;
  if (!v->whole) return;
  if ((!max || v->size <= max) && compose_take(&v->c, r) > 0 && keep(v, r) > 0)
    return;
  v->whole = 0;
  compose_reset(&v->c); /* what is not shown need not be kept */
}

typedef struct shower {
  view *v;
  int done; /* with the header */
} shower;

/* Whether the LF at s[i] ends a line of nothing. */
static int blank_line(char const *s, size_t i)
{
  if (i > 0 && s[i - 1] == '\r') i--;
  return i == 0 || s[i - 1] == '\n';
}

/* Collects the header up to its empty line, and counts the rest. */
static int show(char const *s, size_t len, void *data)
{
  shower *w = data;
  stralloc *h = &w->v->header;
  size_t from = h->len;
  w->v->total += len;
  if (w->done) return 1;
  if (!stralloc_catb(h, s, len)) return -1;
  for (size_t i = from; i < h->len && !w->done; i++)
    if (h->s[i] == '\n' && blank_line(h->s, i)) {
      w->v->body = i + 1;
      h->len = i - (i > 0 && h->s[i - 1] == '\r');
      w->done = 1;
    }
  return 1;
}

static size_t count_fields(char const *s, size_t len)
{
  header_field f;
  size_t n = 0, i = 0;
  int r;
  while ((r = header_next(&f, s + i, len - i))) {
    i += f.len;
    n += r > 0;
  }
  return n;
}

int view_show(view *v, char const *by)
{
  compose_trace const t = {.by = by};
  shower w = {.v = v};
  size_t n;
  v->by = by;
  v->header.len = 0;
  v->total = 0;
  v->body = UINT64_MAX;
  v->nabove = (v->results != 0) + count_fields(v->above.s, v->above.len);
  if (compose_write(&v->c, &t, show, &w) != 1) return -1;
  n = count_fields(v->header.s, v->header.len);
  if (!stralloc_ready(&v->gone, n + 1)) return -1;
  memset(v->gone.s, 0, v->gone.len = n);
  return 1;
}

typedef struct cutter {
  uint64_t skip;
  int (*put)(char const *, size_t, void *);
  void *data;
} cutter;

static int cut(char const *s, size_t len, void *data)
{
  cutter *c = data;
  size_t n = len < c->skip ? len : (size_t)c->skip;
  c->skip -= n;
  return n == len ? 1 : c->put(s + n, len - n, c->data);
}

int view_write(view const *v, int body_only,
               int (*put)(char const *, size_t, void *), void *data)
{
  compose_trace const t = {.by = v->by};
  cutter c = {body_only ? v->body : 0, put, data};
  return compose_write(&v->c, &t, cut, &c);
}

int view_is_trace(view const *v, size_t i)
{
  return v->received && i + 1 == v->nabove;
}

/* Calls hit() for every field of that name but trace: its number among them (1:
   the first) and its place. Their number. */
static size_t each(view *v, char const *name,
                   void (*hit)(view *, size_t, size_t, void *), void *data)
{
  header_field f;
  size_t at = 0, i = 0, n = 0;
  int r;
  while ((r = header_next(&f, v->header.s + at, v->header.len - at))) {
    at += f.len;
    if (r < 0) continue;
    if (header_is(&f, name) && !view_is_trace(v, i)) hit(v, ++n, i, data);
    i++;
  }
  return n;
}

static void nothing(view *v, size_t number, size_t at, void *data)
{
  (void)v, (void)number, (void)at, (void)data;
}

size_t view_count(view *v, char const *name)
{
  return each(v, name, nothing, 0);
}

typedef struct wanted {
  size_t nth;
  int hit;
} wanted;

static void leave_out(view *v, size_t number, size_t at, void *data)
{
  wanted *w = data;
  if ((w->nth && number != w->nth) || at < v->nabove || v->gone.s[at]) return;
  v->gone.s[at] = 1;
  w->hit = 1;
}

int view_remove(view *v, char const *name, size_t nth)
{
  wanted w = {nth, 0};
  if (strlen(name) > VIEW_NAME || v->changes++ >= VIEW_CHANGES) return 0;
  each(v, name, leave_out, &w);
  return w.hit;
}
