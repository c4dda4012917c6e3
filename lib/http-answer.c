/* Reading an answer: RFC 9112 4, 6 and 7. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "http.h"

#define INTERIM 10 /* most 1xx answers before the real one */
#define PIECE 16384

typedef struct framing {
  int chunked, counted, keep;
  uint64_t length;
} framing;

/* A line of the head, its end cut off and made a NUL: 1, 0 at end of file, or
   -1. */
static int get_line(http *h, char **s, io_time deadline)
{
  size_t len;
  int r = line_get(&h->in, s, &len, deadline);
  if (r <= 0) return r;
  if (memchr(*s, 0, len)) return errno = EPROTO, -1;
  (*s)[line_chomp(*s, len)] = 0;
  return 1;
}

/* Inside an answer there is no end of file. */
static int need_line(http *h, char **s, io_time deadline)
{
  int r = get_line(h, s, deadline);
  return r ? r : (errno = EPIPE, -1);
}

static int status(char const *s, http_answer *a, framing *f)
{
  if (strncmp(s, "HTTP/1.", 7) || (s[7] != '0' && s[7] != '1') || s[8] != ' ')
    return 0;
  for (int i = 9; i < 12; i++)
    if (s[i] < '0' || s[i] > '9') return 0;
  if (s[12] && s[12] != ' ') return 0;
  a->status = (s[9] - '0') * 100 + (s[10] - '0') * 10 + (s[11] - '0');
  f->keep = s[7] == '1';
  return a->status >= 100 && a->status < 600;
}

/* RFC 9112 6.3: two lengths that differ are an attack. */
static int length(framing *f, char const *s)
{
  uint64_t n = 0;
  size_t digits = strspn(s, "0123456789");
  if (!digits || digits > 18 || s[digits]) return 0;
  for (; *s; s++) n = n * 10 + (uint64_t)(*s - '0');
  if (f->counted && n != f->length) return 0;
  f->counted = 1;
  f->length = n;
  return 1;
}

static int field(framing *f, char *s)
{
  char *value = strchr(s, ':');
  size_t n;
  if (!value || value == s || value[-1] == ' ' || *s == ' ' || *s == '\t')
    return 0;
  *value++ = 0;
  value += strspn(value, " \t");
  n = strlen(value);
  while (n && (value[n - 1] == ' ' || value[n - 1] == '\t')) value[--n] = 0;
  if (!strcasecmp(s, "content-length")) return length(f, value);
  if (!strcasecmp(s, "transfer-encoding")) {
    if (f->chunked || strcasecmp(value, "chunked")) return 0;
    f->chunked = 1;
  }
  if (!strcasecmp(s, "connection"))
    f->keep = !strcasecmp(value, "keep-alive") ||
              (f->keep && strcasecmp(value, "close"));
  return 1;
}

static int fields(http *h, framing *f, io_time deadline)
{
  char *s;
  for (int i = 0; i <= HTTP_FIELDS; i++) {
    if (need_line(h, &s, deadline) < 0) return -1;
    if (!*s) return 1;
    if (!field(f, s)) return errno = EPROTO, -1;
  }
  return errno = EMSGSIZE, -1;
}

/* At most n bytes of the body, n <= PIECE: as io_read. */
static ssize_t piece(http *h, http_answer *a, size_t n, io_time deadline)
{
  ssize_t r;
  if (!stralloc_readyplus(&a->body, n)) return -1;
  r = line_read(&h->in, a->body.s + a->body.len, n, deadline);
  if (r > 0) a->body.len += (size_t)r;
  return r;
}

static int exactly(http *h, http_answer *a, uint64_t n, size_t max,
                   io_time deadline)
{
  if (n > max - a->body.len) return errno = EMSGSIZE, -1;
  while (n) {
    ssize_t r = piece(h, a, n < PIECE ? (size_t)n : PIECE, deadline);
    if (r <= 0) return r ? -1 : (errno = EPIPE, -1);
    n -= (uint64_t)r;
  }
  return 1;
}

static int to_the_end(http *h, http_answer *a, size_t max, io_time deadline)
{
  for (;;) {
    ssize_t r = piece(h, a, PIECE, deadline);
    if (r <= 0) return r ? -1 : 1;
    if (a->body.len > max) return errno = EMSGSIZE, -1;
  }
}

/* RFC 9112 7.1: the size in hexadecimal, extensions behind a semicolon */
static int chunk_size(char const *s, uint64_t *n)
{
  size_t digits = strspn(s, "0123456789abcdefABCDEF");
  if (!digits || digits > 15 || (s[digits] && !strchr("; \t", s[digits])))
    return 0;
  *n = 0;
  for (; digits--; s++)
    *n = *n * 16 + (uint64_t)(*s <= '9' ? *s - '0' : (*s | 32) - 'a' + 10);
  return 1;
}

static int chunks(http *h, http_answer *a, size_t max, io_time deadline)
{
  framing trailer = {0};
  uint64_t n;
  char *s;
  for (;;) {
    if (need_line(h, &s, deadline) < 0) return -1;
    if (!chunk_size(s, &n)) return errno = EPROTO, -1;
    if (!n) return fields(h, &trailer, deadline);
    if (exactly(h, a, n, max, deadline) < 0) return -1;
    if (need_line(h, &s, deadline) < 0) return -1;
    if (*s) return errno = EPROTO, -1;
  }
}

static int body(http *h, http_answer *a, framing const *f, size_t max,
                io_time deadline)
{
  if (a->status == 204 || a->status == 304) return 1;
  if (f->chunked && f->counted) return errno = EPROTO, -1;
  if (f->chunked) return chunks(h, a, max, deadline);
  if (f->counted) return exactly(h, a, f->length, max, deadline);
  a->keep = 0;
  return to_the_end(h, a, max, deadline);
}

int http_answer_get(http *h, http_answer *a, size_t max, io_time deadline)
{
  framing f;
  char *s;
  a->body.len = 0;
  for (int i = 0; i < INTERIM; i++) {
    int r = i ? need_line(h, &s, deadline) : get_line(h, &s, deadline);
    if (r <= 0) return r;
    f = (framing){0};
    if (!status(s, a, &f)) return errno = EPROTO, -1;
    if (fields(h, &f, deadline) < 0) return -1;
    a->keep = f.keep;
    if (a->status >= 200) return body(h, a, &f, max, deadline);
  }
  return errno = EPROTO, -1;
}
