/* Senders that sender-rewrites(5) changes: once, not in chains. */
#include <errno.h>
#include <string.h>

#include "addr.h"
#include "route-match.h"
#include "route.h"

static int get(table *t, stralloc *key, char const *s, size_t len,
               char const **value, size_t *n)
{
  key->len = 0;
  if (!stralloc_append(key, 'f') || !stralloc_catb(key, s, len)) return -1;
  return table_get(t, key->s, key->len, value, n);
}

static int by_pattern(table *t, stralloc *key, char const *address,
                      stralloc *made, char const **value, size_t *n)
{
  char const *ere, *list;
  size_t len;
  int r = get(t, key, "", 0, &list, &len);
  if (r > 0) r = match_first(list, len, address, made, &ere);
  *value = made->s;
  *n = made->len;
  return r;
}

/* @DOMAIN keeps the local part as it was written. What is no address, changes
   nothing. */
static int put(stralloc *out, char const *sender, char const *s, size_t n)
{
  size_t start = out->len;
  if (n && *s == '@' &&
      !stralloc_catb(out, sender, addr_at(sender, strlen(sender))))
    return -1;
  if (!stralloc_catb(out, s, n)) return -1;
  if (addr_valid(out->s + start, out->len - start, ADDR_UTF8)) return 1;
  out->len = start;
  return 0;
}

int route_sender(table *t, char const *sender, stralloc *out)
{
  stralloc address = STRALLOC_ZERO, key = STRALLOC_ZERO, made = STRALLOC_ZERO;
  char const *value;
  size_t n, at;
  int r = *sender ? addr_key(&address, sender, strlen(sender)) : 0;
  if (r > 0 && !stralloc_0(&address)) r = -1;
  if (r > 0) {
    address.len--;
    at = addr_at(address.s, address.len);
    r = get(t, &key, address.s, address.len, &value, &n);
    if (!r) r = by_pattern(t, &key, address.s, &made, &value, &n);
    if (!r) r = get(t, &key, address.s + at, address.len - at, &value, &n);
    if (r > 0) r = put(out, sender, value, n);
  }
  stralloc_free(&address);
  stralloc_free(&key);
  stralloc_free(&made);
  return r;
}
