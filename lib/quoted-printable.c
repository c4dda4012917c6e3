#include "quoted-printable.h"

static int hex(char c)
{
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

static int blank(char c)
{
  return c == ' ' || c == '\t';
}

/* Length of the line end at s: 0, 1 (LF) or 2 (CRLF) */
static size_t line_end(char const *s, size_t len)
{
  if (len && s[0] == '\n') return 1;
  return len > 1 && s[0] == '\r' && s[1] == '\n' ? 2 : 0;
}

/* Blanks at s that only a line end or the end follows, else 0: transport may
   have added them (RFC 2045 6.7 (3)). */
static size_t padding(char const *s, size_t len)
{
  size_t n = 0;
  while (n < len && blank(s[n])) n++;
  return n == len || line_end(s + n, len - n) ? n : 0;
}

/* Length of the soft line break at s ("=", padding, line end), or 0 */
static size_t soft_break(char const *s, size_t len)
{
  size_t n = 1 + padding(s + 1, len - 1);
  if (n == len) return n;
  return line_end(s + n, len - n) ? n + line_end(s + n, len - n) : 0;
}

int qp_decode(stralloc *out, char const *s, size_t len, int underscore)
{
  size_t i = 0, n;
  if (!stralloc_readyplus(out, len)) return -1;
  while (i < len) {
    char c = s[i];
    if (c == '=' && len - i > 2 && hex(s[i + 1]) >= 0 && hex(s[i + 2]) >= 0) {
      c = (char)(hex(s[i + 1]) << 4 | hex(s[i + 2]));
      i += 3;
    } else if (c == '=' && !underscore && (n = soft_break(s + i, len - i))) {
      i += n;
      continue;
    } else if (blank(c) && !underscore) {
      n = padding(s + i, len - i);
      i += n;
      if (n) continue;
      while (i < len && blank(s[i])) out->s[out->len++] = s[i++];
      continue;
    } else {
      if (c == '_' && underscore) c = ' ';
      i++;
    }
    out->s[out->len++] = c;
  }
  return 1;
}
