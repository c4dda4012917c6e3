#include <errno.h>
#include <string.h>

#include "addr.h"
#include "route-find.h"

#define DELIMITER "+"

void route_step_free(route_step *s)
{
  stralloc_free(&s->key);
  stralloc_free(&s->local);
  stralloc_free(&s->domain);
}

int route_step_init(route_step *s, char const *key, size_t len)
{
  return addr_split(key, len, ADDR_UTF8 | ADDR_BARE, &s->local, &s->domain);
}

/* Looks up TYPE local[0..n)@domain, parts left out where n or domain is 0 */
static int get(table *t, route_step *s, char type, size_t n, int domain,
               char const **value, size_t *len)
{
  s->key.len = 0;
  if (!stralloc_append(&s->key, type)) return -1;
  if (n && addr_local_put(&s->key, s->local.s, n) < 0) return -1;
  if (!stralloc_append(&s->key, '@')) return -1;
  if (domain && !stralloc_cat(&s->key, &s->domain)) return -1;
  return table_get(t, s->key.s, s->key.len, value, len);
}

static int alias(table *t, route_step *s, size_t n, int domain)
{
  int r = get(t, s, 'a', n, domain, &s->targets, &s->targetslen);
  return r > 0 ? ROUTE_ALIAS : r;
}

static int account(table *t, route_step *s, size_t n)
{
  char const *value;
  size_t len;
  int r = n ? get(t, s, 'u', n, 1, &value, &len) : 0;
  if (r <= 0) return r;
  return stralloc_0(&s->key) ? ROUTE_ACCOUNT : -1;
}

/* Which characters begin a tag is an option of the domain. */
int route_untagged(table *t, route_step *s, size_t *n)
{
  char const *value, *delimiter = DELIMITER;
  size_t len, i, dlen = strlen(DELIMITER);
  int r;
  s->key.len = 0;
  if (!stralloc_append(&s->key, 'd') || !stralloc_cat(&s->key, &s->domain))
    return -1;
  r = table_get(t, s->key.s, s->key.len, &value, &len);
  if (r < 0) return -1;
  *n = s->local.len;
  if (r > 0 && len > 10 && !memcmp(value, "delimiter=", 10)) {
    delimiter = value + 10;
    dlen = strnlen(delimiter, len - 10);
  }
  for (i = 1; i < s->local.len; i++)
    if (memchr(delimiter, s->local.s[i], dlen)) {
      *n = i;
      break;
    }
  return 1;
}

int route_find(table *t, route_step *s)
{
  size_t whole = s->local.len, n;
  int r;
  if (route_untagged(t, s, &n) < 0) return -1;
  if (!whole) n = 0;
  r = whole ? alias(t, s, whole, 1) : 0;
  if (!r && n < whole) r = account(t, s, whole);
  if (!r && n < whole) r = alias(t, s, n, 1);
  if (!r && whole) r = alias(t, s, whole, 0);
  if (!r && n < whole) r = alias(t, s, n, 0);
  if (!r) r = account(t, s, n);
  if (!r) r = alias(t, s, 0, 1);
  return r;
}

int route_find_account(table *t, route_step *s)
{
  size_t n;
  int r;
  if (route_untagged(t, s, &n) < 0) return -1;
  r = account(t, s, s->local.len);
  return r || n == s->local.len ? r : account(t, s, n);
}
