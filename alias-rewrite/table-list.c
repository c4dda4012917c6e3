#include <string.h>

#include <skalibs/strerr.h>

#include "addr.h"
#include "table-list.h"

/* Appends the key of an entry: 1, 0, -1 */
static int list_key(stralloc *key, text_line const *l)
{
  size_t dots = 1;
  if (l->len == 2 && !memcmp(l->s, "<>", 2)) return stralloc_cats(key, "<>");
  if (*l->s != '@') return addr_key(key, l->s, l->len);
  if (l->s[1] == '.') dots = 2;
  if (!stralloc_catb(key, l->s, dots)) return -1;
  return addr_domain_key(key, l->s + dots, l->len - dots);
}

void list_entry(text_line const *l, void *entries)
{
  stralloc key = STRALLOC_ZERO, empty = STRALLOC_ZERO;
  int r = list_key(&key, l);
  if (r < 0) strerr_diefu1sys(111, "allocate memory");
  if (!r ||
      (*key.s != '@' && *key.s != '<' && addr_at(key.s, key.len) == key.len))
    text_die(l, "not an address, a @domain, a @.domain or <>: ", l->s);
  entries_add(entries, l, 0, &key, &empty);
  stralloc_free(&key);
}
