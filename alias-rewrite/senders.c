#include <string.h>

#include <skalibs/stralloc.h>

#include "addr.h"
#include "route-find.h"
#include "route.h"
#include "senders.h"

static int same(stralloc const *a, char const *s, size_t len)
{
  return a->len == len && !memcmp(a->s, s, len);
}

/* One entry of the table: an address, @domain or *. */
static int fits(char const *entry, size_t len, stralloc const *key)
{
  size_t at = addr_at(key->s, key->len);
  if (len == 1 && *entry == '*') return 1;
  if (*entry != '@') return same(key, entry, len);
  return len == key->len - at && !memcmp(entry, key->s + at, len);
}

static int listed(table *t, stralloc const *account, stralloc const *key)
{
  stralloc name = STRALLOC_ZERO;
  char const *s;
  size_t len, n;
  int r = -1;
  if (stralloc_append(&name, 's') && stralloc_cat(&name, account))
    r = table_get(t, name.s, name.len, &s, &len);
  stralloc_free(&name);
  if (r <= 0) return r;
  for (; len; s += n, len -= n) {
    n = strnlen(s, len);
    if (n && fits(s, n, key)) return 1;
    n += n < len;
  }
  return 0;
}

/* key without its tag: 1; 0, there is none; -1 */
static int untag(table *t, stralloc *to, stralloc const *key)
{
  route_step s = ROUTE_STEP_ZERO;
  size_t n;
  int r = route_step_init(&s, key->s, key->len);
  if (r > 0) r = route_untagged(t, &s, &n);
  if (r > 0) r = n < s.local.len;
  if (r > 0 && (addr_local_put(to, s.local.s, n) < 0 ||
                !stralloc_append(to, '@') || !stralloc_cat(to, &s.domain)))
    r = -1;
  route_step_free(&s);
  return r;
}

/* An alias of many is nobody's own. */
static int leads(table *t, stralloc const *account, char const *address,
                 char const **why)
{
  route_list to;
  unsigned dropped;
  int r = route_address(t, address, &to, &dropped);
  *why = r == ROUTE_OK        ? "it leads to others"
         : r == ROUTE_FOREIGN ? "it is in no domain of ours"
                              : "there is no such address";
  if (r == ROUTE_OK && to.n == 1 && to.v->local &&
      same(account, to.v->address, strlen(to.v->address))) {
    *why = "it leads to the account alone";
    route_free(&to);
    return 1;
  }
  if (r == ROUTE_OK) route_free(&to);
  return r == ROUTE_TEMP ? -1 : 0;
}

static int named(table *t, stralloc const *account, stralloc const *key,
                 char const **why)
{
  *why = "it is the account's own";
  if (same(account, key->s, key->len)) return 1;
  *why = "the table says so";
  return listed(t, account, key);
}

/* "a+b" may be an account, and is no tagged "a" then. */
static int tagged(table *t, stralloc const *account, stralloc *key,
                  char const **why)
{
  stralloc plain = STRALLOC_ZERO;
  route_account a;
  int r = stralloc_0(key) ? route_account_get(t, key->s, &a) : -1;
  key->len--;
  if (r) return r < 0 ? -1 : 0;
  r = untag(t, &plain, key);
  if (r > 0) r = named(t, account, &plain, why);
  stralloc_free(&plain);
  return r;
}

static int may(table *t, stralloc const *account, stralloc *key,
               char const *address, char const **why)
{
  int r = named(t, account, key, why);
  if (!r) r = tagged(t, account, key, why);
  return r ? r : leads(t, account, address, why);
}

int senders_may(table *t, char const *account, char const *address,
                char const **why)
{
  stralloc name = STRALLOC_ZERO, key = STRALLOC_ZERO;
  int r = addr_key(&name, account, strlen(account));
  *why = "the account has no such name";
  if (r > 0) {
    *why = "it is not an address";
    r = addr_key(&key, address, strlen(address));
    if (r > 0 && addr_at(key.s, key.len) == key.len) r = 0;
  }
  if (r > 0) r = may(t, &name, &key, address, why);
  if (r < 0) *why = "the tables are not available";
  stralloc_free(&name);
  stralloc_free(&key);
  return r;
}

int senders_ours(table *t, char const *address)
{
  size_t len = strlen(address), at = addr_at(address, len);
  return at == len ? 0 : route_domain_local(t, address + at + 1, len - at - 1);
}
