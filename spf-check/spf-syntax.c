/* The grammar of SPF records (RFC 7208 12). */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>

#include "spf-state.h"

typedef struct word {
  char const *s;
  size_t len;
} word;

static int next_word(spf_record *r, word *w)
{
  while (r->len && *r->s == ' ') r->s++, r->len--;
  if (!r->len) return 0;
  w->s = r->s;
  while (r->len && *r->s != ' ') r->s++, r->len--;
  w->len = (size_t)(r->s - w->s);
  return 1;
}

static int is(char const *s, size_t len, char const *name)
{
  return len == strlen(name) && !strncasecmp(s, name, len);
}

static int alnum(char c)
{
  return isalnum((unsigned char)c) && !(c & 0x80);
}

/* Length of the name with which a term begins. */
static size_t name_length(word const *w)
{
  size_t n = 0;
  while (n < w->len && (alnum(w->s[n]) || strchr("-_.", w->s[n])) && w->s[n])
    n++;
  return n && isalpha((unsigned char)*w->s) ? n : 0;
}

/* Digits without leading zeros at the end of w behind slashes: cuts them off.
   1; 0: none there; -1: wrong */
static int cidr(word *w, size_t slashes, unsigned max, unsigned *n)
{
  size_t i = w->len;
  unsigned value = 0;
  while (i && w->s[i - 1] >= '0' && w->s[i - 1] <= '9') i--;
  if (i == w->len || i < slashes || memcmp(w->s + i - slashes, "//", slashes))
    return 0;
  if (w->s[i] == '0' && i + 1 < w->len) return -1;
  for (size_t k = i; k < w->len; k++) {
    value = value * 10 + (unsigned)(w->s[k] - '0');
    if (value > max) return -1;
  }
  *n = value;
  w->len = i - slashes;
  return 1;
}

/* dual-cidr-length (RFC 7208 5.6) */
static int dual_cidr(word *w, spf_term *t)
{
  if (cidr(w, 2, 128, &t->cidr6) < 0) return 0;
  return cidr(w, 1, 32, &t->cidr4) >= 0;
}

/* Where the argument in w begins, behind ":": 1, 0 without one, -1 */
static int argument(word *w)
{
  if (!w->len) return 0;
  if (*w->s != ':' || w->len < 2) return -1;
  w->s++;
  w->len--;
  return 1;
}

static int domain_spec(word *w, spf_term *t, int needed)
{
  int r = argument(w);
  if (r <= 0) return !r && !needed;
  t->spec = w->s;
  t->speclen = w->len;
  return spf_macro_valid(w->s, w->len, SPF_MACRO_DOMAIN);
}

static int network(word *w, spf_term *t, int family)
{
  char text[INET6_ADDRSTRLEN];
  int bad = family == AF_INET ? cidr(w, 1, 32, &t->cidr4)
                              : cidr(w, 1, 128, &t->cidr6);
  if (bad < 0 || argument(w) <= 0 || w->len >= sizeof text) return 0;
  memcpy(text, w->s, w->len);
  text[w->len] = 0;
  return strlen(text) == w->len && inet_pton(family, text, t->ip) == 1;
}

static int arguments(word *w, spf_term *t)
{
  t->cidr4 = 32;
  t->cidr6 = 128;
  switch (t->mechanism) {
  case SPF_ALL: return w->len == 0;
  case SPF_IP4: return network(w, t, AF_INET);
  case SPF_IP6: return network(w, t, AF_INET6);
  case SPF_A:
  case SPF_MX: return dual_cidr(w, t) && domain_spec(w, t, 0);
  case SPF_PTR: return domain_spec(w, t, 0);
  default: return domain_spec(w, t, 1);
  }
}

static int directive(word w, spf_term *t)
{
  static char const *const names[] = {"all", "include", "a",   "mx",
                                      "ptr", "ip4",     "ip6", "exists"};
  size_t n;
  *t = (spf_term){.result = SPF_PASS};
  if (w.len && *w.s && strchr("+-~?", *w.s)) {
    t->result = *w.s == '+'   ? SPF_PASS
                : *w.s == '-' ? SPF_FAIL
                : *w.s == '~' ? SPF_SOFTFAIL
                              : SPF_NEUTRAL;
    w.s++;
    w.len--;
  }
  for (n = 0; n < w.len && w.s[n] != ':' && w.s[n] != '/';) n++;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (!is(w.s, n, names[i])) continue;
    t->mechanism = (enum spf_mechanism)i;
    w.s += n;
    w.len -= n;
    return arguments(&w, t);
  }
  return 0;
}

static int once(char const **spec, size_t *len, char const *s, size_t n)
{
  if (*spec || !n) return 0;
  *spec = s;
  *len = n;
  return spf_macro_valid(s, n, SPF_MACRO_DOMAIN);
}

static int modifier(spf_record *r, word const *w, size_t name)
{
  char const *value = w->s + name + 1;
  size_t n = w->len - name - 1;
  if (is(w->s, name, "redirect"))
    return once(&r->redirect, &r->redirectlen, value, n);
  if (is(w->s, name, "exp")) return once(&r->exp, &r->explen, value, n);
  return spf_macro_valid(value, n, SPF_MACRO_ANY);
}

static int is_modifier(word const *w, size_t *name)
{
  *name = name_length(w);
  return *name && *name < w->len && w->s[*name] == '=';
}

int spf_syntax(spf_record *r, char const **bad, size_t *badlen)
{
  spf_record all = *r;
  word w;
  while (next_word(&all, &w)) {
    spf_term t;
    size_t name;
    if (is_modifier(&w, &name) ? modifier(r, &w, name) : directive(w, &t))
      continue;
    *bad = w.s;
    *badlen = w.len;
    return 0;
  }
  return 1;
}

int spf_next(spf_record *r, spf_term *t)
{
  word w;
  size_t name;
  while (next_word(r, &w))
    if (!is_modifier(&w, &name)) return directive(w, t);
  return 0;
}
