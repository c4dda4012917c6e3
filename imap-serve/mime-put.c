#include <string.h>

#include <skalibs/types.h>

#include "mime-put.h"

int mime_put(stralloc *out, char const *s)
{
  return stralloc_cats(out, s) ? 1 : -1;
}

int mime_put_number(stralloc *out, uint64_t n)
{
  char s[UINT64_FMT];
  return stralloc_catb(out, s, uint64_fmt(s, n)) ? 1 : -1;
}

/* RFC 3501 9: QUOTED-CHAR is 7-bit without CR, LF and NUL */
static int quotable(char const *s, size_t len)
{
  if (len > 1024) return 0;
  for (size_t i = 0; i < len; i++)
    if (s[i] <= 0 || s[i] == '\r' || s[i] == '\n') return 0;
  return 1;
}

static int put_quoted(stralloc *out, char const *s, size_t len)
{
  if (!stralloc_readyplus(out, 2 * len + 2)) return -1;
  out->s[out->len++] = '"';
  for (size_t i = 0; i < len; i++) {
    if (s[i] == '"' || s[i] == '\\') out->s[out->len++] = '\\';
    out->s[out->len++] = s[i];
  }
  out->s[out->len++] = '"';
  return 1;
}

int mime_put_nstring(stralloc *out, char const *s, size_t len)
{
  if (!s || out->len + len > MIME_OUT) return mime_put(out, "NIL");
  if (quotable(s, len)) return put_quoted(out, s, len);
  if (mime_put(out, "{") < 0 || mime_put_number(out, len) < 0 ||
      mime_put(out, "}\r\n") < 0)
    return -1;
  return stralloc_catb(out, s, len) ? 1 : -1;
}

static int blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int mime_unfold(stralloc *out, char const *s, size_t len)
{
  while (len && blank(*s)) s++, len--;
  while (len && blank(s[len - 1])) len--;
  if (!stralloc_readyplus(out, len + 1)) return -1;
  for (size_t i = 0; i < len; i++) {
    if (s[i] == '\n' || (s[i] == '\r' && s[i + 1] == '\n')) continue;
    if (s[i])
      out->s[out->len++] = s[i];
    else if (!stralloc_catb(out, "\357\277\275", 3) ||
             !stralloc_readyplus(out, len - i))
      return -1;
  }
  return 1;
}

int mime_put_value(stralloc *out, char const *s, size_t len)
{
  stralloc v = STRALLOC_ZERO;
  int r;
  if (!s) return mime_put(out, "NIL");
  r = mime_unfold(&v, s, len);
  if (r > 0) r = mime_put_nstring(out, v.s ? v.s : "", v.len);
  stralloc_free(&v);
  return r;
}
