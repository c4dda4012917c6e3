#include <string.h>

#include <arpa/inet.h>

#include "addr.h"
#include "table-policies.h"
#include "tls-policy.h"

/* "[1.2.3.4]", "[2001:db8::1]", as inet_ntop writes them */
static int literal_key(stralloc *key, char const *s, size_t len)
{
  char text[INET6_ADDRSTRLEN];
  unsigned char b[16];
  int family;
  if (len < 3 || s[len - 1] != ']' || len - 2 >= sizeof text) return 0;
  memcpy(text, s + 1, len - 2);
  text[len - 2] = 0;
  family = strchr(text, ':') ? AF_INET6 : AF_INET;
  if (inet_pton(family, text, b) != 1 ||
      !inet_ntop(family, b, text, sizeof text))
    return 0;
  return stralloc_append(key, '[') && stralloc_cats(key, text) &&
                 stralloc_append(key, ']')
             ? 1
             : -1;
}

/* Appends the key: 1, 0, -1 */
static int policy_key(stralloc *key, char const *s, size_t len)
{
  if (len == 1 && *s == '*') return stralloc_append(key, '*') ? 1 : -1;
  if (len && *s == '[') return literal_key(key, s, len);
  if (len && *s == '.') {
    if (!stralloc_append(key, '.')) return -1;
    s++, len--;
  }
  return addr_domain_key(key, s, len);
}

void policy_entry(text_line const *l, void *entries)
{
  stralloc key = STRALLOC_ZERO, value = STRALLOC_ZERO;
  tls_policy p = {0};
  size_t len = text_find(l->s, l->len, ':'), words = len + 1;
  if (len == l->len) text_die(l, "not DOMAIN: WORD, …", 0);
  while (len && (l->s[len - 1] == ' ' || l->s[len - 1] == '\t')) len--;
  text_must(policy_key(&key, l->s, len), l,
            "not a domain, .domain, [address] or *", l->s, len);
  if (l->len - words > TLS_POLICY_MAX) text_die(l, "too many words", 0);
  text_must(tls_policy_words(&p, l->s + words, l->len - words), l,
            "not words of a policy", l->s + words, l->len - words);
  text_check(stralloc_catb(&value, l->s + words, l->len - words));
  entries_add(entries, l, 0, &key, &value);
  stralloc_free(&p.must);
  stralloc_free(&key);
  stralloc_free(&value);
}
