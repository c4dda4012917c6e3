#include <string.h>
#include <strings.h>

#include "header.h"

static int blank(char c)
{
  return c == ' ' || c == '\t';
}

/* Length of the line at s with its end */
static size_t line(char const *s, size_t len)
{
  char const *lf = memchr(s, '\n', len);
  return lf ? (size_t)(lf - s) + 1 : len;
}

static int empty(char const *s, size_t len)
{
  return !len || s[0] == '\n' || (len > 1 && s[0] == '\r' && s[1] == '\n');
}

/* Length of the name at s (RFC 5322 3.6.8 ftext), 0 if no colon follows it;
 *colon is where. Blanks before the colon are obsolete syntax (4.5). */
static size_t name(char const *s, size_t len, size_t *colon)
{
  size_t n = 0, i;
  while (n < len && s[n] > ' ' && s[n] < 127 && s[n] != ':') n++;
  for (i = n; i < len && blank(s[i]);) i++;
  *colon = i;
  return i < len && s[i] == ':' ? n : 0;
}

int header_next(header_field *f, char const *s, size_t len)
{
  size_t n, colon;
  if (empty(s, len)) return 0;
  n = line(s, len);
  *f = (header_field){.s = s, .len = n};
  f->namelen = name(s, n, &colon);
  if (!f->namelen) return -1;
  while (n < len && blank(s[n])) n += line(s + n, len - n);
  f->len = n;
  f->value = s + colon + 1;
  if (s[n - 1] == '\n') n--;
  if (n > colon + 1 && s[n - 1] == '\r' && n < f->len) n--;
  f->valuelen = n - colon - 1;
  return 1;
}

size_t header_size(char const *s, size_t len)
{
  size_t i = 0;
  while (i < len) {
    size_t n = line(s + i, len - i);
    int end = empty(s + i, len - i);
    i += n;
    if (end) return i;
  }
  return len;
}

int header_is(header_field const *f, char const *wanted)
{
  return strlen(wanted) == f->namelen && !strncasecmp(f->s, wanted, f->namelen);
}

int header_find(header_field *f, char const *s, size_t len, char const *wanted,
                unsigned nth)
{
  size_t i = 0;
  int r;
  while ((r = header_next(f, s + i, len - i))) {
    i += f->len;
    if (r > 0 && header_is(f, wanted) && !nth--) return 1;
  }
  return 0;
}
