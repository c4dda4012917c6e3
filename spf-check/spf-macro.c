/* Macros (RFC 7208 7). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "addr.h"
#include "spf-state.h"

#define DELIMITERS ".-+,/_="
#define NAME_MAX_TEXT 253 /* RFC 7208 7.3 */

typedef struct macro {
  char letter;
  unsigned keep; /* right-hand parts; 0: all */
  int reverse;
  char const *delimiters;
  size_t n;
} macro;

static int digit(char c)
{
  return c >= '0' && c <= '9';
}

/* "{d2r-}" at s: its length, or 0 if it is wrong */
static size_t parse(macro *m, char const *s, size_t len, int kind)
{
  size_t i = 1;
  *m = (macro){0};
  if (len < 3 || *s != '{' || !s[1]) return 0;
  m->letter = s[i++];
  if (!strchr(kind & SPF_MACRO_EXP ? "slodiphvcrt" : "slodiphv",
              tolower((unsigned char)m->letter)))
    return 0;
  if (i < len && digit(s[i])) {
    for (; i < len && digit(s[i]); i++)
      if (m->keep < 1000) m->keep = m->keep * 10 + (unsigned)(s[i] - '0');
    if (!m->keep) return 0;
  }
  if (i < len && (s[i] == 'r' || s[i] == 'R')) {
    m->reverse = 1;
    i++;
  }
  m->delimiters = s + i;
  while (i < len && s[i] && strchr(DELIMITERS, s[i])) i++;
  m->n = (size_t)(s + i - m->delimiters);
  return i < len && s[i] == '}' ? i + 1 : 0;
}

/* ".toplabel" or ".toplabel." at the end of what no macro ends (7.1) */
static int ends_in_toplabel(char const *s, size_t len)
{
  size_t i;
  int other = 0;
  if (len && s[len - 1] == '.') len--;
  for (i = len; i && s[i - 1] != '.'; i--) {
    char c = s[i - 1];
    if (!(isalnum((unsigned char)c) || c == '-') || c & 0x80) return 0;
    if (!digit(c)) other = 1;
  }
  return i && i < len && other && s[i] != '-' && s[len - 1] != '-';
}

int spf_macro_valid(char const *s, size_t len, int kind)
{
  size_t i = 0, literal = 0;
  macro m;
  while (i < len) {
    size_t n = 1;
    if (s[i] == '%') {
      if (i + 1 == len) return 0;
      if (s[i + 1] == '%' || s[i + 1] == '_' || s[i + 1] == '-')
        n = 2;
      else if ((n = parse(&m, s + i + 1, len - i - 1, kind)))
        n++;
      else
        return 0;
      literal = i + n;
    } else if (s[i] < '!' || s[i] > '~') {
      if (s[i] != ' ' || kind != SPF_MACRO_EXP) return 0;
    }
    i += n;
  }
  if (kind != SPF_MACRO_DOMAIN) return 1;
  return len &&
         (literal == len || ends_in_toplabel(s + literal, len - literal));
}

/* %{i}: dotted nibbles of an IPv6 address */
static int put_ip(spf_state const *st, stralloc *sa)
{
  static char const hex[] = "0123456789ABCDEF";
  if (!st->v6) return stralloc_cats(sa, st->ip_text);
  for (unsigned i = 0; i < 16; i++) {
    char const s[4] = {hex[st->ip[i] >> 4], '.', hex[st->ip[i] & 15], '.'};
    if (!stralloc_catb(sa, s, i < 15 ? 4 : 3)) return 0;
  }
  return 1;
}

/* %{p}: the domain itself, else a name below it, else any (7.3) */
static char const *validated(spf_state *st, char const *domain)
{
  char const *sub = 0;
  spf_find_names(st);
  for (size_t i = 0; i < st->names.len; i += strlen(st->names.s + i) + 1) {
    char const *name = st->names.s + i;
    if (!strcasecmp(name, domain)) return name;
    if (!sub && addr_domain_within(name, domain)) sub = name;
  }
  return sub ? sub : st->names.len ? st->names.s : "unknown";
}

static int value(spf_state *st, stralloc *sa, char letter, char const *domain)
{
  char t[24];
  char const *s = st->sender.s;
  sa->len = 0;
  switch (tolower((unsigned char)letter)) {
  case 's': return stralloc_cats(sa, s);
  case 'l': return stralloc_catb(sa, s, st->at);
  case 'o': return stralloc_cats(sa, s + st->at + 1);
  case 'd': return stralloc_cats(sa, domain);
  case 'i': return put_ip(st, sa);
  case 'p': return stralloc_cats(sa, validated(st, domain));
  case 'v': return stralloc_cats(sa, st->v6 ? "ip6" : "in-addr");
  case 'h': return stralloc_cats(sa, st->q->helo);
  case 'c': return stralloc_cats(sa, st->ip_text);
  case 'r': return stralloc_cats(sa, st->q->me);
  default:
    snprintf(t, sizeof t, "%lld", (long long)time(0));
    return stralloc_cats(sa, t);
  }
}

/* 7.3: all but the unreserved characters of RFC 3986 */
static int put(stralloc *out, char const *s, size_t n, int escape)
{
  if (!escape) return stralloc_catb(out, s, n);
  for (size_t i = 0; i < n; i++) {
    char e[4];
    int plain = !(s[i] & 0x80) && (isalnum((unsigned char)s[i]) ||
                                   (s[i] && strchr("-._~", s[i])));
    if (plain ? !stralloc_catb(out, s + i, 1)
              : (snprintf(e, sizeof e, "%%%02X", (unsigned char)s[i]),
                 !stralloc_catb(out, e, 3)))
      return 0;
  }
  return 1;
}

static int is_delimiter(macro const *m, char c)
{
  return m->n ? memchr(m->delimiters, c, m->n) != 0 : c == '.';
}

/* Start and length of the kth part of v */
static size_t part(macro const *m, stralloc const *v, size_t k, size_t *len)
{
  size_t i = 0, end;
  for (; k; i++)
    if (is_delimiter(m, v->s[i])) k--;
  for (end = i; end < v->len && !is_delimiter(m, v->s[end]);) end++;
  *len = end - i;
  return i;
}

static int transform(macro const *m, stralloc *out, stralloc const *v)
{
  size_t parts = 1, first = 0;
  int escape = isupper((unsigned char)m->letter);
  for (size_t i = 0; i < v->len; i++) parts += is_delimiter(m, v->s[i]);
  if (m->keep && m->keep < parts) first = parts - m->keep;
  for (size_t k = first; k < parts; k++) {
    size_t len, i = part(m, v, m->reverse ? parts - 1 - k : k, &len);
    if (k > first && !stralloc_catb(out, ".", 1)) return 0;
    if (!put(out, v->s + i, len, escape)) return 0;
  }
  return 1;
}

static int expand(spf_state *st, stralloc *out, char const *s, size_t len,
                  char const *domain, stralloc *v)
{
  macro m;
  for (size_t i = 0, n; i < len; i += n) {
    char const *percent = memchr(s + i, '%', len - i);
    if (out->len > SPF_EXPANDED) return 0;
    n = percent ? (size_t)(percent - s) - i : len - i;
    if (n) {
      if (!stralloc_catb(out, s + i, n)) return -1;
      continue;
    }
    n = 2;
    if (s[i + 1] == '{') {
      n = parse(&m, s + i + 1, len - i - 1, SPF_MACRO_ANY) + 1;
      if (!value(st, v, m.letter, domain) || !transform(&m, out, v)) return -1;
    } else if (!stralloc_cats(out, s[i + 1] == '%'   ? "%"
                                   : s[i + 1] == '_' ? " "
                                                     : "%20"))
      return -1;
  }
  return out->len <= SPF_EXPANDED;
}

int spf_macro(spf_state *st, stralloc *out, char const *s, size_t len,
              char const *domain)
{
  stralloc v = STRALLOC_ZERO;
  int r = expand(st, out, s, len, domain, &v);
  stralloc_free(&v);
  return r;
}

int spf_target(spf_state *st, stralloc *out, char const *s, size_t len,
               char const *domain)
{
  size_t cut = 0;
  int r = 1;
  out->len = 0;
  if (!s)
    r = stralloc_cats(out, domain) ? 1 : -1;
  else
    r = spf_macro(st, out, s, len, domain);
  if (r <= 0) return r;
  if (out->len && out->s[out->len - 1] == '.') out->len--;
  while (out->len - cut > NAME_MAX_TEXT) {
    char const *dot = memchr(out->s + cut, '.', out->len - cut);
    if (!dot) break;
    cut = (size_t)(dot + 1 - out->s);
  }
  memmove(out->s, out->s + cut, out->len - cut);
  out->len -= cut;
  return stralloc_0(out) ? 1 : -1;
}
