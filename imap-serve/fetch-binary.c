/* BINARY and BINARY.SIZE (RFC 3516 4.2, 4.3). */
#include <errno.h>

#include "fetch.h"
#include "mime-binary.h"

int fetch_binary_check(session *s, fetch_item const *i)
{
  mime_binary b;
  int r = mime_binary_open(&b, &s->mime, &i->section);
  mime_binary_free(&b);
  if (r < 0) return errno == EOPNOTSUPP ? 0 : -1;
  return 1;
}

/* As a string where it may be one: no NUL tells the client much (4.3). */
static void put_size(session *s, uint64_t n, int nul)
{
  out_puts(&s->o, nul ? " ~{" : " {");
  out_number(&s->o, n);
  out_puts(&s->o, "}\r\n");
}

static int put_bytes(session *s, mime_binary *b, uint64_t from, uint64_t n)
{
  while (n && !s->o.dead) {
    char const *at;
    size_t len;
    int r = mime_binary_next(b, &at, &len);
    if (r <= 0) return r < 0 ? -1 : (errno = ESTALE, -1);
    if (len <= from) {
      from -= len;
      continue;
    }
    at += from;
    len -= (size_t)from;
    from = 0;
    if (len > n) len = (size_t)n;
    out_put(&s->o, at, len);
    n -= len;
  }
  return 1;
}

static int put_data(session *s, fetch_item const *i, mime_binary *b)
{
  uint64_t size, from = i->partial ? i->from : 0, n;
  int nul;
  if (mime_binary_measure(b, &size, &nul) < 0) return -1;
  if (i->kind == FETCH_BINARY_SIZE) {
    out_puts(&s->o, " ");
    out_number(&s->o, size);
    return 1;
  }
  if (from > size) from = size;
  n = size - from;
  if (i->partial && n > i->count) n = i->count;
  put_size(s, n, nul);
  return put_bytes(s, b, from, n);
}

int fetch_binary_put(session *s, fetch_item const *i)
{
  mime_binary b;
  int r = mime_binary_open(&b, &s->mime, &i->section);
  if (r == 0) out_puts(&s->o, i->kind == FETCH_BINARY ? " NIL" : " 0");
  if (r > 0) r = put_data(s, i, &b);
  mime_binary_free(&b);
  return r < 0 ? -1 : 1;
}
