/* Mechanisms that look at the client's address (RFC 7208 5). */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <arpa/nameser.h>

#include "addr.h"
#include "dns.h"
#include "rdns.h"
#include "spf-state.h"

io_time spf_deadline(spf_state const *st)
{
  io_time t = io_after(SPF_QUERY_MS);
  return t < st->deadline ? t : st->deadline;
}

static int temp(spf_state *st, char const *name, enum spf_result *r)
{
  *r = SPF_TEMPERROR;
  snprintf(st->why, sizeof st->why, "No answer from DNS for %.253s", name);
  return -1;
}

int spf_lookup(spf_state *st, stralloc *name, char const *spec, size_t len,
               char const *domain, enum spf_result *r)
{
  int good;
  *r = SPF_PERMERROR;
  if (++st->lookups > SPF_LOOKUPS) {
    snprintf(st->why, sizeof st->why, "More than %d look-ups", SPF_LOOKUPS);
    return 0;
  }
  good = spf_target(st, name, spec, len, domain);
  if (good > 0) return 1;
  if (good < 0) *r = SPF_TEMPERROR;
  snprintf(st->why, sizeof st->why, "%s",
           good < 0 ? "Out of memory" : "Macros expand to too much");
  return 0;
}

/* 0, or -1 when that was one too many */
static int void_lookup(spf_state *st, enum spf_result *r)
{
  if (++st->voids <= SPF_VOID) return 0;
  *r = SPF_PERMERROR;
  snprintf(st->why, sizeof st->why, "More than %d look-ups without answer",
           SPF_VOID);
  return -1;
}

int spf_ip_equal(spf_state const *st, unsigned char const *ip, unsigned bits)
{
  unsigned n = bits / 8, rest = bits % 8;
  if (memcmp(st->ip, ip, n)) return 0;
  return !rest || !((st->ip[n] ^ ip[n]) >> (8 - rest));
}

static int type(spf_state const *st)
{
  return st->v6 ? ns_t_aaaa : ns_t_a;
}

static int among(spf_state const *st, dns_answer const *a, unsigned bits)
{
  unsigned char ip[16];
  for (unsigned i = 0; i < a->n; i++)
    if (inet_pton(st->v6 ? AF_INET6 : AF_INET, a->v[i].data, ip) == 1 &&
        spf_ip_equal(st, ip, bits))
      return 1;
  return 0;
}

static unsigned bits(spf_state const *st, spf_term const *t)
{
  return st->v6 ? t->cidr6 : t->cidr4;
}

/* A look-up that a term is about: 1: records; 0: none; -1: *r */
static int ask(spf_state *st, dns_answer *a, char const *name, int what,
               enum spf_result *r)
{
  switch (dns_query(a, name, what, spf_deadline(st))) {
  case DNS_OK: return 1;
  case DNS_BAD: return 0;
  case DNS_TEMP: return temp(st, name, r);
  default: return void_lookup(st, r);
  }
}

static int match_a(spf_state *st, spf_term const *t, char const *name,
                   enum spf_result *r)
{
  dns_answer a = {0};
  int m = ask(st, &a, name, type(st), r);
  if (m > 0) m = among(st, &a, bits(st, t));
  dns_free(&a);
  return m;
}

static int match_exists(spf_state *st, char const *name, enum spf_result *r)
{
  dns_answer a = {0};
  int m = ask(st, &a, name, ns_t_a, r);
  dns_free(&a);
  return m;
}

/* The addresses of up to SPF_NAMES hosts, all at once. An unanswered one
   matters only if no other matches. */
static int match_hosts(spf_state *st, spf_term const *t, dns_answer const *mx,
                       enum spf_result *r)
{
  dns_question q[SPF_NAMES];
  dns_answer a[SPF_NAMES];
  unsigned n = 0;
  int m = 0;
  for (unsigned i = 0; i < mx->n; i++)
    if (*mx->v[i].data) q[n++] = (dns_question){mx->v[i].data, type(st)};
  dns_query_all(a, q, n, spf_deadline(st));
  for (unsigned i = 0; i < n && !m; i++) m = among(st, a + i, bits(st, t));
  for (unsigned i = 0; i < n && !m; i++)
    if (a[i].status == DNS_TEMP) m = temp(st, q[i].name, r);
  for (unsigned i = 0; i < n; i++) dns_free(a + i);
  return m;
}

static int match_mx(spf_state *st, spf_term const *t, char const *name,
                    enum spf_result *r)
{
  dns_answer a = {0};
  int m = ask(st, &a, name, ns_t_mx, r);
  if (m > 0 && a.n > SPF_NAMES) {
    *r = SPF_PERMERROR;
    snprintf(st->why, sizeof st->why, "More than %d MX names of %.253s",
             SPF_NAMES, name);
    m = -1;
  } else if (m > 0)
    m = match_hosts(st, t, &a, r);
  dns_free(&a);
  return m;
}

/* 5.5: errors and surplus names are passed over */
void spf_find_names(spf_state *st)
{
  enum rdns_result r;
  if (st->names_known) return;
  r = rdns_names(&st->names, 0, st->ip_text, spf_deadline(st));
  st->names_known = r == RDNS_PERMERROR ? 2 : 1;
}

static int match_ptr(spf_state *st, char const *target, enum spf_result *r)
{
  spf_find_names(st);
  if (st->names_known == 2) return void_lookup(st, r);
  for (size_t i = 0; i < st->names.len; i += strlen(st->names.s + i) + 1)
    if (addr_domain_within(st->names.s + i, target)) return 1;
  return 0;
}

static int match_name(spf_state *st, spf_term const *t, char const *name,
                      enum spf_result *r)
{
  switch (t->mechanism) {
  case SPF_A: return match_a(st, t, name, r);
  case SPF_MX: return match_mx(st, t, name, r);
  case SPF_PTR: return match_ptr(st, name, r);
  default: return match_exists(st, name, r);
  }
}

int spf_match(spf_state *st, spf_term const *t, char const *domain,
              enum spf_result *r)
{
  stralloc name = STRALLOC_ZERO;
  int m;
  switch (t->mechanism) {
  case SPF_ALL: return 1;
  case SPF_IP4: return !st->v6 && spf_ip_equal(st, t->ip, t->cidr4);
  case SPF_IP6: return st->v6 && spf_ip_equal(st, t->ip, t->cidr6);
  default: break;
  }
  m = spf_lookup(st, &name, t->spec, t->speclen, domain, r)
          ? match_name(st, t, name.s, r)
          : -1;
  stralloc_free(&name);
  return m;
}
