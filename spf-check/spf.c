#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <arpa/nameser.h>

#include "addr.h"
#include "dns.h"
#include "ip.h"
#include "parcel.h"
#include "spf-state.h"

static enum spf_result check_host(spf_state *st, char const *domain,
                                  stralloc *explanation);

__attribute__((format(printf, 3, 4))) static enum spf_result
because(spf_state *st, enum spf_result r, char const *fmt, ...)
{
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(st->why, sizeof st->why, fmt, ap);
  va_end(ap);
  return r;
}

/* 4.3: labels of 1 to 63 bytes, at least two of them */
static int well_formed(char const *s)
{
  size_t labels = 0, all = strlen(s);
  if (all && s[all - 1] == '.') all--;
  if (all > 253 || *s == '[') return 0;
  for (char const *end = s + all; s < end; s++) {
    size_t n = strcspn(s, ".");
    if (!n || n > 63) return 0;
    labels++;
    s += n;
  }
  return labels > 1;
}

/* 4.5: "v=spf1", then a blank or the end */
static int is_policy(dns_record const *r)
{
  return r->len >= 6 && !strncasecmp(r->data, "v=spf1", 6) &&
         (r->len == 6 || r->data[6] == ' ');
}

static int include(spf_state *st, spf_term const *t, char const *domain,
                   enum spf_result *r)
{
  stralloc name = STRALLOC_ZERO;
  if (spf_lookup(st, &name, t->spec, t->speclen, domain, r)) {
    *r = check_host(st, name.s, 0);
    if (*r == SPF_NONE)
      *r = because(st, SPF_PERMERROR, "Included %.253s has no policy", name.s);
  }
  stralloc_free(&name);
  if (*r == SPF_TEMPERROR || *r == SPF_PERMERROR) return -1;
  return *r == SPF_PASS;
}

static enum spf_result redirect(spf_state *st, spf_record const *rec,
                                char const *domain, stralloc *explanation)
{
  stralloc name = STRALLOC_ZERO;
  enum spf_result r;
  if (spf_lookup(st, &name, rec->redirect, rec->redirectlen, domain, &r)) {
    r = check_host(st, name.s, explanation);
    if (r == SPF_NONE)
      r = because(st, SPF_PERMERROR, "%.253s has no policy", name.s);
  }
  stralloc_free(&name);
  return r;
}

/* 6.2: whatever goes wrong here, there is no explanation then. */
static void explain(spf_state *st, spf_record const *rec, char const *domain,
                    stralloc *text)
{
  stralloc name = STRALLOC_ZERO;
  dns_answer a = {0};
  text->len = 0;
  if (spf_target(st, &name, rec->exp, rec->explen, domain) > 0 &&
      dns_query(&a, name.s, ns_t_txt, spf_deadline(st)) == DNS_OK && a.n == 1 &&
      spf_macro_valid(a.v[0].data, a.v[0].len, SPF_MACRO_EXP) &&
      spf_macro(st, text, a.v[0].data, a.v[0].len, domain) <= 0)
    text->len = 0;
  dns_free(&a);
  stralloc_free(&name);
}

static char const *permitted(enum spf_result r)
{
  return r == SPF_PASS       ? "permitted"
         : r == SPF_FAIL     ? "not permitted"
         : r == SPF_SOFTFAIL ? "probably not permitted"
                             : "neither permitted nor forbidden";
}

static enum spf_result evaluate(spf_state *st, spf_record *rec,
                                char const *domain, stralloc *explanation)
{
  spf_record left = *rec;
  spf_term t;
  while (spf_next(&left, &t)) {
    enum spf_result r = SPF_PERMERROR;
    int m = t.mechanism == SPF_INCLUDE ? include(st, &t, domain, &r)
                                       : spf_match(st, &t, domain, &r);
    if (m < 0) return r;
    if (!m) continue;
    if (t.result == SPF_FAIL && rec->exp && explanation)
      explain(st, rec, domain, explanation);
    return because(st, t.result, "%s is %s by the policy of %.253s",
                   st->ip_text, permitted(t.result), domain);
  }
  if (rec->redirect) return redirect(st, rec, domain, explanation);
  return because(st, SPF_NEUTRAL, "The policy of %.253s says nothing of it",
                 domain);
}

static enum spf_result policy(spf_state *st, dns_answer const *a,
                              char const *domain, stralloc *explanation)
{
  dns_record const *found = 0;
  spf_record rec = {0};
  char const *bad;
  size_t n;
  for (unsigned i = 0; i < a->n; i++) {
    if (!is_policy(a->v + i)) continue;
    if (found)
      return because(st, SPF_PERMERROR, "%.253s has several policies", domain);
    found = a->v + i;
  }
  if (!found) return because(st, SPF_NONE, "%.253s has no policy", domain);
  rec.s = found->data + 6;
  rec.len = found->len - 6;
  if (!spf_syntax(&rec, &bad, &n))
    return because(st, SPF_PERMERROR, "Wrong in the policy of %.200s: %.*s",
                   domain, n > 200 ? 200 : (int)n, bad);
  return evaluate(st, &rec, domain, explanation);
}

/* The depth is bounded by SPF_LOOKUPS. */
static enum spf_result check_host(spf_state *st, char const *domain,
                                  stralloc *explanation)
{
  dns_answer a = {0};
  enum spf_result r;
  if (!well_formed(domain))
    return because(st, SPF_NONE, "%.253s is not a domain", domain);
  switch (dns_query(&a, domain, ns_t_txt, spf_deadline(st))) {
  case DNS_OK: r = policy(st, &a, domain, explanation); break;
  case DNS_TEMP:
    r = because(st, SPF_TEMPERROR, "No answer from DNS for %.253s", domain);
    break;
  default: r = because(st, SPF_NONE, "%.253s has no policy", domain);
  }
  dns_free(&a);
  return r;
}

static int read_ip(spf_state *st, char *text)
{
  unsigned n = ip_bytes(st->ip, st->q->ip);
  if (!n) return errno = EINVAL, 0;
  st->v6 = n == 16;
  st->ip_text =
      inet_ntop(st->v6 ? AF_INET6 : AF_INET, st->ip, text, INET6_ADDRSTRLEN);
  return 1;
}

/* 4.3: the sender has a local part; 2.4: HELO stands in for <> */
static int read_sender(spf_state *st, spf_answer *a)
{
  char const *s = st->q->sender;
  char const *at;
  a->helo = !*s;
  if (!*s) s = st->q->helo;
  snprintf(a->identity, sizeof a->identity, "%s", s);
  at = a->helo ? 0 : strrchr(s, '@');
  if ((!at || at == s) && !stralloc_cats(&st->sender, "postmaster")) return -1;
  if (!at && !stralloc_catb(&st->sender, "@", 1)) return -1;
  if (!stralloc_cats(&st->sender, s) || !stralloc_0(&st->sender)) return -1;
  st->at = (size_t)(strrchr(st->sender.s, '@') - st->sender.s);
  return 1;
}

/* Results are ASCII: RFC 8601 5, RFC 8616 4. */
static void name_domain(spf_answer *a, char const *key)
{
  char *at = strrchr(a->identity, '@');
  size_t n = at ? (size_t)(at + 1 - a->identity) : 0;
  snprintf(a->identity + n, sizeof a->identity - n, "%s", key);
}

static void decide(spf_state *st, spf_answer *a)
{
  stralloc explanation = STRALLOC_ZERO, key = STRALLOC_ZERO;
  char const *domain = st->sender.s + st->at + 1;
  size_t n = strlen(domain);
  if (addr_is_utf8(domain, n) && addr_domain_key(&key, domain, n) > 0 &&
      stralloc_0(&key)) {
    domain = key.s;
    name_domain(a, domain);
  }
  a->result = check_host(st, domain, &explanation);
  a->explained = a->result == SPF_FAIL && explanation.len;
  if (a->explained)
    parcel_clean(a->text, sizeof a->text, explanation.s, explanation.len);
  else
    parcel_clean(a->text, sizeof a->text, st->why, strlen(st->why));
  stralloc_free(&explanation);
  stralloc_free(&key);
}

int spf_check(spf_request const *q, spf_answer *a)
{
  char ip[INET6_ADDRSTRLEN];
  spf_state st = {.q = q, .deadline = io_after(SPF_MS)};
  *a = (spf_answer){.result = SPF_TEMPERROR};
  if (!read_ip(&st, ip)) return 0;
  if (read_sender(&st, a) > 0) decide(&st, a);
  stralloc_free(&st.sender);
  stralloc_free(&st.names);
  return 1;
}
