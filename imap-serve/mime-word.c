/* Encoded words in header fields (RFC 2047), also where they should not be: in
   quoted strings, glued to other text, too long. */

#include <string.h>

#include "base64.h"
#include "mime-put.h"
#include "mime-text.h"
#include "quoted-printable.h"

/* =?charset*language?B?text?= */
typedef struct word {
  char const *charset, *text;
  size_t charsetlen, textlen;
  size_t len; /* of all of it */
  int base64;
} word;

static int word_read(word *w, char const *s, size_t len)
{
  char const *end = s + len, *q, *e, *star;
  if (len < 8 || s[0] != '=' || s[1] != '?') return 0;
  w->charset = s + 2;
  q = memchr(w->charset, '?', (size_t)(end - w->charset));
  if (!q || end - q < 5 || q[2] != '?') return 0;
  w->charsetlen = (size_t)(q - w->charset);
  if (memchr(s, ' ', (size_t)(q - s))) return 0;
  star = memchr(w->charset, '*', w->charsetlen);
  if (star) w->charsetlen = (size_t)(star - w->charset);
  w->base64 = (q[1] | 32) == 'b';
  if (!w->base64 && (q[1] | 32) != 'q') return 0;
  w->text = q + 3;
  for (e = w->text; (e = memchr(e, '?', (size_t)(end - e))); e++)
    if (end - e > 1 && e[1] == '=') break;
  if (!e) return 0;
  w->textlen = (size_t)(e - w->text);
  w->len = (size_t)(e + 2 - s);
  return 1;
}

static int word_decode(stralloc *out, word const *w)
{
  stralloc raw = STRALLOC_ZERO;
  mime_conv c = {0};
  unsigned acc = 0;
  int r = w->base64 ? base64_decode_mail(&raw, w->text, w->textlen, &acc)
                    : qp_decode(&raw, w->text, w->textlen, 1);
  if (r > 0) r = mime_conv_open(&c, w->charset, w->charsetlen);
  if (r >= 0) r = mime_conv_feed(&c, out, raw.s, raw.len, 1);
  mime_conv_close(&c);
  stralloc_free(&raw);
  return r;
}

static size_t blanks(char const *s, size_t len)
{
  size_t n = 0;
  while (n < len && (s[n] == ' ' || s[n] == '\t')) n++;
  return n;
}

static int put_raw(stralloc *out, char const *s, size_t len)
{
  mime_conv c = {.utf8 = 1};
  int r = mime_conv_feed(&c, out, s, len, 1);
  mime_conv_close(&c);
  return r;
}

static int decode(stralloc *out, char const *s, size_t len)
{
  size_t from = 0, i = 0;
  while (i < len) {
    char const *e = memchr(s + i, '=', len - i);
    word w;
    if (!e) break;
    i = (size_t)(e - s);
    if (!word_read(&w, e, len - i)) {
      i++;
      continue;
    }
    if (put_raw(out, s + from, i - from) < 0) return -1;
    for (;;) { /* blanks between two encoded words are nothing (6.2) */
      size_t n;
      if (word_decode(out, &w) < 0) return -1;
      from = i += w.len;
      n = blanks(s + i, len - i);
      if (!word_read(&w, s + i + n, len - i - n)) break;
      i += n;
    }
  }
  return put_raw(out, s + from, len - from);
}

int mime_decode_field(stralloc *out, char const *value, size_t len)
{
  stralloc s = STRALLOC_ZERO;
  int r = mime_unfold(&s, value, len);
  if (r > 0) r = decode(out, s.s, s.len);
  stralloc_free(&s);
  return r;
}
