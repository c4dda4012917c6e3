/* Where mail goes that is not for us (routes(5)). */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>

#include "addr.h"
#include "next-hop.h"
#include "table-mail.h"

#define TEXT 200

static int is(char const *s, size_t len, char const *word, size_t *n)
{
  *n = strlen(word);
  return len >= *n && !memcmp(s, word, *n);
}

static int add(stralloc *to, char const *s, size_t len)
{
  return stralloc_catb(to, s, len) ? 1 : -1;
}

static int name(stralloc *to, char const *s, size_t len)
{
  return text_name(s, len) ? add(to, s, len) : 0;
}

/* The words behind a host, in any order, each at most once. A way is one word
   for all others: ",auth=NAME,tls=NAME". */
static int options(stralloc *to, text_line const *l, size_t *pos)
{
  static char const *const known[] = {NEXT_HOP_AUTH, NEXT_HOP_TLS};
  char const *w, *given[2] = {0, 0};
  size_t len, n, lens[2];
  while (text_word(l, pos, &w, &len)) {
    unsigned i = is(w, len, known[1] + 1, &n);
    if ((!i && !is(w, len, known[0] + 1, &n)) || given[i]) return 0;
    given[i] = w + n;
    lens[i] = len - n;
  }
  for (unsigned i = 0; i < 2; i++) {
    if (!given[i]) continue;
    if (!stralloc_cats(to, known[i])) return -1;
    int r = name(to, given[i], lens[i]);
    if (r <= 0) return r;
  }
  return 1;
}

/* [192.0.2.1], [2001:db8::1], [IPv6:2001:db8::1] */
static int literal(char const *s, size_t len)
{
  char text[INET6_ADDRSTRLEN];
  unsigned char b[16];
  size_t skip = len > 6 && !strncasecmp(s + 1, "IPv6:", 5) ? 6 : 1;
  if (len <= skip + 1 || s[len - 1] != ']' || len - skip > sizeof text)
    return 0;
  memcpy(text, s + skip, len - skip - 1);
  text[len - skip - 1] = 0;
  return inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, b) == 1;
}

/* A host, and a port that must or may be there: 1, 0, -1 */
static int host(stralloc *to, char const *s, size_t len, int must)
{
  size_t n = text_find(s, len, ':'), digits = len - n;
  int r;
  if (n == len ? must : digits < 2 || digits > 6) return 0;
  for (size_t i = n + 1; i < len; i++)
    if (s[i] < '0' || s[i] > '9') return 0;
  if (!n) return 0;
  r = *s == '[' ? literal(s, n) : addr_domain_key(to, s, n);
  if (r > 0 && *s == '[') r = add(to, s, n);
  return r > 0 ? add(to, s + n, len - n) : r;
}

/* An absolute path that a socket can have */
static int path(stralloc *to, char const *s, size_t len)
{
  return len > 1 && len < 108 && !memchr(s, ' ', len) ? add(to, s, len) : 0;
}

/* The code of a reply and its enhanced code, made up where they are missing:
   550 5.1.6 text, 5.1.6 text, text */
static int reply(stralloc *to, char const *s)
{
  unsigned code, class, subject, detail;
  char head[32];
  int used = 0;
  if (strlen(s) > TEXT || addr_is_utf8(s, strlen(s))) return 0;
  if (sscanf(s, "%3u %1u.%3u.%3u %n", &code, &class, &subject, &detail,
             &used) == 4 &&
      used) {
    s += used;
  } else if (sscanf(s, "%1u.%3u.%3u %n", &class, &subject, &detail, &used) ==
                 3 &&
             used) {
    s += used;
    code = class * 100 + 50;
  } else {
    code = 550;
    class = 5;
    subject = detail = 0;
  }
  if (!*s || (class != 4 && class != 5) || code / 100 != class) return 0;
  snprintf(head, sizeof head, "%u %u.%u.%u ", code, class, subject, detail);
  return stralloc_cats(to, head) && stralloc_cats(to, s) ? 1 : -1;
}

static int value_of(stralloc *to, text_line const *l, size_t pos)
{
  char const *w;
  size_t len, n;
  int r = 0;
  if (!text_word(l, &pos, &w, &len)) return 0;
  if (is(w, len, "error:", &n)) {
    w += n;
    if (!stralloc_cats(to, "error:")) return -1;
    return reply(to, w + strspn(w, " \t"));
  }
  n = text_find(w, len, ':');
  if (n++ == len) return 0;
  if (!stralloc_catb(to, w, n)) return -1;
  if (is(w, len, "smtp:", &n) || is(w, len, "smtps:", &n)) {
    r = host(to, w + n, len - n, 0);
    if (r > 0) r = options(to, l, &pos);
  } else if (is(w, len, "mx:", &n))
    r = addr_domain_key(to, w + n, len - n);
  else if (is(w, len, "lmtp:/", &n))
    r = path(to, w + n - 1, len - n + 1);
  else if (is(w, len, "lmtp:", &n))
    r = host(to, w + n, len - n, 1);
  else if (is(w, len, "pipe:", &n))
    r = name(to, w + n, len - n);
  else if (is(w, len, "discard:", &n))
    r = len == n;
  return r > 0 && text_word(l, &pos, &w, &len) ? 0 : r;
}

static int key_of(stralloc *to, char const *s, size_t len)
{
  if (len == 1 && *s == '*') return add(to, s, 1);
  if (addr_at(s, len) < len)
    return addr_valid(s, len, ADDR_UTF8) ? addr_key(to, s, len) : 0;
  if (len && *s == '.') {
    if (add(to, s, 1) < 0) return -1;
    s++, len--;
  }
  return addr_domain_key(to, s, len);
}

void mail_route(text_line const *l, void *data)
{
  table_mail *m = data;
  stralloc key = STRALLOC_ZERO, value = STRALLOC_ZERO;
  size_t n = text_find(l->s, l->len, ':'), len = n;
  if (n == l->len) text_die(l, "not WHOM: WHERE", 0);
  while (len && (l->s[len - 1] == ' ' || l->s[len - 1] == '\t')) len--;
  text_must(key_of(&key, l->s, len), l, "not an address, domain, .domain or *",
            l->s, len);
  text_must(value_of(&value, l, n + 1), l, "not a way", l->s + n + 1,
            l->len - n - 1);
  text_must(value.len < NEXT_HOP, l, "too long", l->s + n + 1, l->len - n - 1);
  entries_add(&m->routes, l, 0, &key, &value);
  stralloc_free(&key);
  stralloc_free(&value);
}
