#include <string.h>

#include "crlf.h"

int crlf_in(crlf *c, stralloc *out, char const *s, size_t len)
{
  char const *end = s + len;
  if (!stralloc_readyplus(out, 2 * len + 1)) return -1;
  for (; s < end; s++) {
    if (*s != '\n' && c->cr) c->bare = 1;
    if (*s == '\n' && !c->cr) out->s[out->len++] = '\r';
    out->s[out->len++] = *s;
    c->cr = *s == '\r';
  }
  return 1;
}

int crlf_out(crlf *c, stralloc *out, char const *s, size_t len)
{
  char const *end = s + len;
  if (!stralloc_readyplus(out, len + 1)) return -1;
  for (; s < end; s++) {
    if (c->cr && *s != '\n') out->s[out->len++] = '\r';
    c->cr = *s == '\r';
    if (!c->cr) out->s[out->len++] = *s;
  }
  return 1;
}
