#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "dnsbl-list.h"

#define BLANK " \t"

/* The next word of [*s, end): its length, 0 at the end. */
static size_t word(char const **s, char const *end)
{
  size_t n = 0;
  while (*s < end && strchr(BLANK, **s)) ++*s;
  while (*s + n < end && !strchr(BLANK, (*s)[n])) n++;
  return n;
}

static int is(char const *s, size_t n, char const *what)
{
  return strlen(what) == n && !memcmp(s, what, n);
}

int dnsbl_score_scan(long *to, char const *s, size_t len)
{
  char const *end = s + len;
  long unit = 1000, v = 0;
  int minus = len && *s == '-', point = 0, digits = 0;
  if (len && (*s == '-' || *s == '+')) s++;
  for (; s < end; s++) {
    if (*s == '.' && !point++) continue;
    if (*s < '0' || *s > '9' || !unit) return 0;
    if (point) unit /= 10;
    if (!unit) return 0;
    v = point ? v + (*s - '0') * unit : v * 10 + (*s - '0') * 1000;
    if (v > DNSBL_SCORE_MAX) return 0;
    digits++;
  }
  *to = minus ? -v : v;
  return digits > 0;
}

char const *dnsbl_score_show(char to[DNSBL_SCORE_TEXT], long score)
{
  long v = score < 0 ? -score : score;
  int n = snprintf(to, DNSBL_SCORE_TEXT, "%s%ld.%03ld", score < 0 ? "-" : "",
                   v / 1000 % 100000000, v % 1000);
  while (n > 1 && to[n - 1] == '0') to[--n] = 0;
  if (n > 0 && to[n - 1] == '.') to[n - 1] = 0;
  return to;
}

/* 0 to 255 at *s. */
static int octet(unsigned char *to, char const **s, char const *end)
{
  unsigned v = 0, digits = 0;
  for (; *s < end && **s >= '0' && **s <= '9' && digits < 4; ++*s, digits++)
    v = v * 10 + (unsigned)(**s - '0');
  *to = (unsigned char)v;
  return digits && digits < 4 && v < 256;
}

/* N, N-M or *. */
static int part(dnsbl_response *r, unsigned i, char const **s, char const *end)
{
  if (*s < end && **s == '*') {
    ++*s;
    r->low[i] = 0;
    r->high[i] = 255;
    return 1;
  }
  if (!octet(r->low + i, s, end)) return 0;
  r->high[i] = r->low[i];
  if (*s == end || **s != '-') return 1;
  ++*s;
  return octet(r->high + i, s, end) && r->high[i] >= r->low[i];
}

/* /N: a network is a range of each octet. */
static int network(dnsbl_response *r, char const *s, char const *end)
{
  unsigned char bits;
  if (!octet(&bits, &s, end) || bits > 32 || s != end) return 0;
  for (unsigned i = 0; i < 4; i++) {
    unsigned own = bits > 8 * i ? bits - 8 * i : 0;
    unsigned char mask = own >= 8 ? 0 : (unsigned char)(255 >> own);
    if (r->low[i] != r->high[i] || r->low[i] & mask) return 0;
    r->high[i] |= mask;
  }
  return 1;
}

static int range(dnsbl_response *r, char const *s, size_t len)
{
  char const *end = s + len;
  for (unsigned i = 0; i < 4; i++) {
    if (!part(r, i, &s, end)) return 0;
    if (i < 3 && (s == end || *s++ != '.')) return 0;
  }
  if (s == end) return 1;
  return *s == '/' && network(r, s + 1, end);
}

static int text(char *to, char const *s, char const *end)
{
  while (s < end && strchr(BLANK, *s)) s++;
  while (end > s && strchr(BLANK, end[-1])) end--;
  if (end - s >= DNSBL_TEXT) return 0;
  for (char const *p = s; p < end; p++)
    if (*p < ' ' || *p > '~') return 0;
  memcpy(to, s, (size_t)(end - s));
  to[end - s] = 0;
  return 1;
}

static int kind(dnsbl_list *l, char const *s, size_t n)
{
  static char const *const kinds[] = {"ip4", "ip6", "helo", "sender"};
  for (unsigned i = 0; i < 4; i++)
    if (is(s, n, kinds[i])) {
      l->what |= 1u << i;
      return 1;
    }
  if (is(s, n, "txt")) return l->txt = 1;
  return is(s, n, "notest") ? (l->no_test = 1) : 0;
}

static char const *zone(dnsbl_list *l, char const *s, size_t n)
{
  if (n && s[n - 1] == '.') n--;
  if (n >= DNSBL_ZONE) return "the zone's name is too long";
  if (!addr_domain_valid(s, n, 0, 0)) return "the zone is no domain name";
  memcpy(l->zone, s, n);
  l->zone[n] = 0;
  memcpy(l->shown, l->zone, n + 1);
  return 0;
}

static char const wrong_score[] =
    "the score is not a number from -9999 to 9999";
static char const wrong_text[] = "the text is too long, or not ASCII";
static char const wrong_sign[] =
    "anybody can give a name: a list of names has no negative score";

static char const *shown(dnsbl_list *l, char const *s, size_t n)
{
  if (!n || n >= DNSBL_ZONE || !addr_domain_valid(s, n, 0, 0))
    return "the name behind \"as\" is no domain name";
  memcpy(l->shown, s, n);
  l->shown[n] = 0;
  return 0;
}

/* ZONE SCORE WORD… [as NAME] [text TEXT] */
static char const *list(dnsbl_list *l, char const *s, char const *end)
{
  size_t n = word(&s, end);
  char const *why = zone(l, s, n);
  if (why) return why;
  s += n;
  n = word(&s, end);
  if (!dnsbl_score_scan(&l->score, s, n)) return wrong_score;
  for (s += n; (n = word(&s, end)); s += n) {
    if (is(s, n, "text")) {
      if (!text(l->text, s + n, end)) return wrong_text;
      break;
    }
    if (is(s, n, "as")) {
      s += n;
      n = word(&s, end);
      if ((why = shown(l, s, n))) return why;
    } else if (!kind(l, s, n)) {
      return "a word is not known";
    }
  }
  if (!(l->what & (DNSBL_IP4 | DNSBL_IP6 | DNSBL_HELO | DNSBL_SENDER)))
    l->what |= DNSBL_IP4 | DNSBL_IP6;
  return l->score < 0 && l->what & (DNSBL_HELO | DNSBL_SENDER) ? wrong_sign : 0;
}

/* RANGE SCORE|error [TEXT] */
static char const *response(dnsbl_response *r, dnsbl_list const *l,
                            char const *s, char const *end)
{
  size_t n = word(&s, end);
  if (!range(r, s, n)) return "not a range of addresses";
  s += n;
  n = word(&s, end);
  r->error = is(s, n, "error");
  if (!r->error && !dnsbl_score_scan(&r->score, s, n)) return wrong_score;
  if (r->score < 0 && l->what & (DNSBL_HELO | DNSBL_SENDER)) return wrong_sign;
  return text(r->text, s + n, end) ? 0 : wrong_text;
}

static int add_response(dnsbl_list *l, char const *s, char const *end,
                        char const **why)
{
  dnsbl_response *v;
  if (l->n == DNSBL_RESPONSES) return *why = "too many responses", 0;
  v = realloc(l->v, (l->n + 1) * sizeof *v);
  if (!v) return errno = ENOMEM, -1;
  l->v = v;
  v[l->n] = (dnsbl_response){.score = 0};
  *why = response(v + l->n, l, s, end);
  if (*why) return 0;
  l->n++;
  return 1;
}

int dnsbl_line(dnsbl_lists *l, char const *s, size_t len, char const **why)
{
  char const *end = s + len, *first = s;
  if (memchr(s, 0, len)) return *why = "a NUL", 0;
  if (!word(&first, end) || *first == '#') return 1;
  if (first > s) {
    if (!l->n) return *why = "a response without a list", 0;
    return add_response(l->v + l->n - 1, first, end, why);
  }
  if (l->n == DNSBL_LISTS) return *why = "too many lists", 0;
  l->v[l->n] = (dnsbl_list){.n = 0};
  *why = list(l->v + l->n, s, end);
  if (*why) return 0;
  l->n++;
  return 1;
}

int dnsbl_response_has(dnsbl_response const *r, unsigned char const ip[4])
{
  for (unsigned i = 0; i < 4; i++)
    if (ip[i] < r->low[i] || ip[i] > r->high[i]) return 0;
  return 1;
}

dnsbl_response const *dnsbl_find(dnsbl_list const *l, unsigned char const ip[4])
{
  for (unsigned i = 0; i < l->n; i++)
    if (dnsbl_response_has(l->v + i, ip)) return l->v + i;
  return 0;
}

void dnsbl_free(dnsbl_lists *l)
{
  for (unsigned i = 0; i < l->n; i++) free(l->v[i].v);
  l->n = 0;
}
