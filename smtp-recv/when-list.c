#include <string.h>

#include <skalibs/stralloc.h>

#include "addr.h"
#include "table.h"
#include "when-list.h"

static int has(table *t, char const *key, size_t len)
{
  char const *s;
  size_t n;
  return table_get(t, key, len, &s, &n);
}

/* key: an address as addr_key makes it; from its @ on, its domain. */
static int domain(table *t, stralloc *key)
{
  size_t at = addr_at(key->s, key->len), dot;
  stralloc parent = STRALLOC_ZERO;
  int r = at < key->len ? has(t, key->s + at, key->len - at) : 0;
  for (dot = at + 1; !r && dot < key->len; dot++) {
    if (key->s[dot] != '.') continue;
    parent.len = 0;
    if (!stralloc_append(&parent, '@') ||
        !stralloc_catb(&parent, key->s + dot, key->len - dot))
      r = -1;
    else
      r = has(t, parent.s, parent.len);
  }
  stralloc_free(&parent);
  return r;
}

int when_list_has(char const *path, char const *address)
{
  stralloc key = STRALLOC_ZERO;
  table *t;
  int r;
  if (table_open(&t, path) < 0) return -1;
  if (!*address) {
    r = has(t, "<>", 2);
  } else {
    r = addr_key(&key, address, strlen(address));
    if (r > 0) r = has(t, key.s, key.len);
    if (!r) r = domain(t, &key);
  }
  stralloc_free(&key);
  table_close(t);
  return r;
}
