#include <string.h>

#include <skalibs/stralloc.h>

#include "addr.h"
#include "domain-tag.h"

#define LABEL 63

static int ascii(char *to, char const *s, size_t len)
{
  if (len > DOMAIN_TAG) return 0;
  for (size_t i = 0; i < len; i++)
    to[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 'a' - 'A') : s[i];
  to[len] = 0;
  return 1;
}

static int international(char *to, char const *s, size_t len)
{
  stralloc key = STRALLOC_ZERO;
  int r = addr_domain_key(&key, s, len);
  if (r > 0) r = ascii(to, key.s, key.len);
  stralloc_free(&key);
  return r;
}

static int letter(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* The number of labels, 0 if one is none */
static unsigned count(char const *s)
{
  for (unsigned n = 1;; n++) {
    size_t len = strcspn(s, ".");
    if (!len || len > LABEL || !letter(*s) || !letter(s[len - 1])) return 0;
    for (size_t i = 0; i < len; i++)
      if (!letter(s[i]) && s[i] != '-') return 0;
    s += len;
    if (!*s++) return n;
  }
}

int domain_tag(char *to, char const *s, size_t len, unsigned labels)
{
  int r = (addr_is_utf8(s, len) ? international : ascii)(to, s, len);
  unsigned n = r > 0 ? count(to) : 0;
  return r > 0 ? n && n >= labels : r;
}
