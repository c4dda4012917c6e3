#include <errno.h>
#include <string.h>

#include "addr.h"
#include "route-find.h"
#include "route-match.h"

#define DELIMITER "+"

void route_step_free(route_step *s)
{
  stralloc_free(&s->key);
  stralloc_free(&s->local);
  stralloc_free(&s->domain);
  stralloc_free(&s->made);
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

static int alias(table *t, route_step *s, size_t n, int domain, char const *how)
{
  int r = get(t, s, 'a', n, domain, &s->targets, &s->targetslen);
  if (r <= 0) return r;
  s->how = how;
  return stralloc_0(&s->key) ? ROUTE_ALIAS : -1;
}

static int account(table *t, route_step *s, size_t n, char const *how)
{
  char const *value;
  size_t len;
  int r = n ? get(t, s, 'u', n, 1, &value, &len) : 0;
  if (r <= 0) return r;
  s->how = how;
  return stralloc_0(&s->key) ? ROUTE_ACCOUNT : -1;
}

int route_step_key(route_step const *s, size_t n, stralloc *to)
{
  if (n && addr_local_put(to, s->local.s, n) < 0) return -1;
  return stralloc_append(to, '@') && stralloc_cat(to, &s->domain) ? 1 : -1;
}

/* Patterns of the domain, for the local part, or of all, for the address. Most
   tables have none: then nothing is compiled. */
static int pattern(table *t, route_step *s, int domain)
{
  stralloc subject = STRALLOC_ZERO;
  char const *list;
  size_t len;
  int r;
  s->key.len = 0;
  if (!stralloc_append(&s->key, 'r') ||
      (domain &&
       (!stralloc_append(&s->key, '@') || !stralloc_cat(&s->key, &s->domain))))
    return -1;
  r = table_get(t, s->key.s, s->key.len, &list, &len);
  if (r <= 0) return r;
  r = domain ? addr_local_put(&subject, s->local.s, s->local.len)
             : route_step_key(s, s->local.len, &subject);
  if (r > 0 && !stralloc_0(&subject)) r = -1;
  s->made.len = 0;
  if (r > 0) r = match_first(list, len, subject.s, &s->made, &s->pattern);
  stralloc_free(&subject);
  s->targets = s->made.s;
  s->targetslen = s->made.len;
  s->how = "pattern";
  if (r <= 0) s->pattern = 0;
  return r > 0 ? ROUTE_ALIAS : r;
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
  s->pattern = 0;
  if (route_untagged(t, s, &n) < 0) return -1;
  if (!whole) n = 0;
  r = whole ? alias(t, s, whole, 1, "alias") : 0;
  if (!r && n < whole) r = account(t, s, whole, "account");
  if (!r && n < whole) r = alias(t, s, n, 1, "without tag, alias");
  if (!r && whole) r = alias(t, s, whole, 0, "alias for all domains");
  if (!r && n < whole)
    r = alias(t, s, n, 0, "without tag, alias for all domains");
  if (!r) r = account(t, s, n, n < whole ? "without tag, account" : "account");
  if (!r && whole) r = pattern(t, s, 1);
  if (!r && whole) r = pattern(t, s, 0);
  if (!r) r = alias(t, s, 0, 1, "catch-all");
  return r;
}

int route_find_account(table *t, route_step *s)
{
  size_t n;
  int r;
  if (route_untagged(t, s, &n) < 0) return -1;
  r = account(t, s, s->local.len, "account of that name");
  return r || n == s->local.len ? r : account(t, s, n, "account of that name");
}
