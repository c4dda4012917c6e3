#include <errno.h>
#include <string.h>

#include "addr.h"
#include "next-hop.h"

#define PREFIX "v"

int next_hop_any(table *mail)
{
  char const *s;
  size_t n;
  return table_get(mail, PREFIX, 1, &s, &n);
}

/* What stands behind the prefix in key is looked up. */
static int look(table *mail, stralloc const *key, char *to)
{
  char const *s;
  size_t n;
  int r = table_get(mail, key->s, key->len, &s, &n);
  if (r <= 0) return r;
  if (n >= NEXT_HOP) return errno = EPROTO, -1;
  memcpy(to, s, n);
  to[n] = 0;
  return 1;
}

static int prefix(stralloc *key)
{
  key->len = 0;
  return stralloc_cats(key, PREFIX) ? 1 : -1;
}

/* domain, .domain of each above it, * */
static int by_domain(table *mail, stralloc *key, char const *s, size_t len,
                     char *to)
{
  stralloc domain = STRALLOC_ZERO;
  int r = addr_domain_key(&domain, s, len);
  char const *at = domain.s, *end = domain.s + domain.len;
  if (r > 0) r = prefix(key) > 0 && stralloc_cat(key, &domain) ? 0 : -1;
  if (!r) r = look(mail, key, to);
  while (!r && at && (at = memchr(at, '.', (size_t)(end - at)))) {
    if (prefix(key) < 0 || !stralloc_catb(key, at, (size_t)(end - at))) r = -1;
    if (!r) r = look(mail, key, to);
    at++;
  }
  if (!r) r = prefix(key) > 0 && stralloc_cats(key, "*") ? 0 : -1;
  if (!r) r = look(mail, key, to);
  stralloc_free(&domain);
  return r;
}

/* An address that is none has no way of its own, nor that of a domain that is
   spelled as it is. */
static int by_address(table *mail, stralloc *key, char const *address, char *to)
{
  size_t len = strlen(address);
  int r = addr_at(address, len) < len ? prefix(key) : 0;
  if (r > 0) r = addr_key(key, address, len);
  return r > 0 ? look(mail, key, to) : r;
}

int next_hop_own(table *mail, char const *address, char *to)
{
  stralloc key = STRALLOC_ZERO;
  int r = by_address(mail, &key, address, to);
  stralloc_free(&key);
  return r;
}

int next_hop(table *mail, char const *address, char *to)
{
  stralloc key = STRALLOC_ZERO;
  size_t len = strlen(address), at = addr_at(address, len);
  int r = by_address(mail, &key, address, to);
  if (!r && at < len)
    r = by_domain(mail, &key, address + at + 1, len - at - 1, to);
  stralloc_free(&key);
  return r;
}
