/* needs: dkim-sign/canon.o */
#include <stdlib.h>

#include "dkim-sign/canon.h"
#include "tap.h"

static void collect(void *to, void const *s, size_t len)
{
  stralloc_catb(to, s, len);
}

/* The body in pieces of at most step bytes */
static void body(stralloc *out, canon how, char const *s, size_t len,
                 size_t step)
{
  canon_body b;
  out->len = 0;
  canon_body_init(&b, how, collect, out);
  for (size_t at = 0; at < len; at += step)
    canon_body_add(&b, s + at, len - at < step ? len - at : step);
  canon_body_end(&b);
}

static void is_body(canon how, char const *s, char const *want,
                    char const *what)
{
  stralloc out = STRALLOC_ZERO;
  body(&out, how, s, strlen(s), 1000);
  is_mem(out.s ? out.s : "", out.len, want, what);
  body(&out, how, s, strlen(s), 1);
  is_mem(out.s ? out.s : "", out.len, want, "the same byte by byte");
  stralloc_free(&out);
}

static void is_field(canon how, char const *s, char const *want,
                     char const *what)
{
  stralloc out = STRALLOC_ZERO;
  ok(canon_field(&out, how, s, strlen(s)) == 1, "canon_field");
  is_mem(out.s ? out.s : "", out.len, want, what);
  stralloc_free(&out);
}

/* What 3.4.4 says, line by line, in memory */
static void relaxed_slowly(stralloc *out, char const *s, size_t len)
{
  size_t lines = 0, end = 0;
  out->len = 0;
  while (len) {
    size_t n = 0, start = out->len;
    while (n + 1 < len && !(s[n] == '\r' && s[n + 1] == '\n')) n++;
    if (n + 1 >= len) n = len;
    for (size_t i = 0; i < n; i++) {
      int space = s[i] == ' ' || s[i] == '\t';
      if (space && out->len > start && out->s[out->len - 1] == ' ') continue;
      stralloc_append(out, space ? ' ' : s[i]);
    }
    while (out->len > start && out->s[out->len - 1] == ' ') out->len--;
    if (out->len > start) end = out->len + 2;
    stralloc_catb(out, "\r\n", 2);
    lines++;
    s += n < len ? n + 2 : len;
    len -= n < len ? n + 2 : len;
  }
  out->len = end;
}

static void random_bodies(void)
{
  static char const parts[][3] = {"\r\n", " ", "\t", "x", "\r", "yz", "\r\n"};
  stralloc in = STRALLOC_ZERO, got = STRALLOC_ZERO, want = STRALLOC_ZERO;
  int bad = 0;
  srandom(6376);
  for (int round = 0; round < 20000; round++) {
    in.len = 0;
    for (long n = random() % 12; n; n--)
      stralloc_cats(&in, parts[random() % 7]);
    relaxed_slowly(&want, in.s, in.len);
    body(&got, CANON_RELAXED, in.s, in.len, 1 + (size_t)(random() % 5));
    if (got.len != want.len || (got.len && memcmp(got.s, want.s, got.len)))
      bad++;
  }
  is_int(bad, 0, "20000 random bodies in random pieces, RFC 6376 3.4.4");
  stralloc_free(&in);
  stralloc_free(&got);
  stralloc_free(&want);
}

int main(void)
{
  is_field(CANON_RELAXED, "A: X\r\n", "a:X\r\n", "RFC 6376 3.4.5 example 1");
  is_field(CANON_RELAXED, "B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n",
           "RFC 6376 3.4.5 example 1: folded, blanks around the colon");
  is_field(CANON_SIMPLE, "B : Y\t\r\n\tZ  \r\n", "B : Y\t\r\n\tZ  \r\n",
           "RFC 6376 3.4.5 example 2: simple changes nothing");
  is_field(CANON_SIMPLE, "A: X\n Y", "A: X\r\n Y\r\n",
           "RFC 6376 5.3: LF is signed as CRLF");
  is_field(CANON_RELAXED, "Subject:\r\n \r\n", "subject:\r\n",
           "RFC 6376 3.4.2: an empty value");
  is_field(CANON_RELAXED, "X:a\rb\r\n", "x:a\rb\r\n",
           "a lone CR is no line end");
  is_body(CANON_RELAXED, " C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n",
          "RFC 6376 3.4.5 example 1, body");
  is_body(CANON_SIMPLE, " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n",
          "RFC 6376 3.4.5 example 2, body");
  is_body(CANON_SIMPLE, "", "\r\n", "RFC 6376 3.4.3: no body is CRLF");
  is_body(CANON_SIMPLE, "\r\n\r\n", "\r\n", "RFC 6376 3.4.3: *CRLF is CRLF");
  is_body(CANON_RELAXED, "", "", "RFC 6376 3.4.4: no body is nothing");
  is_body(CANON_RELAXED, " \t\r\n\r\n \r\n", "",
          "RFC 6376 3.4.4: blank lines only are nothing");
  is_body(CANON_RELAXED, "a", "a\r\n", "RFC 6376 3.4.4: CRLF is added");
  is_body(CANON_RELAXED, "a \r", "a \r\r\n", "a CR at the end is data");
  is_body(CANON_RELAXED, "a\n\nb\n", "a\r\n\r\nb\r\n", "LF line ends");
  random_bodies();
  return done();
}
