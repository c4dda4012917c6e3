#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <arpa/nameser.h>

#include <skalibs/random.h>

#include "dns.h"
#include "mx.h"

static void add_host(mx *m, unsigned preference, char const *name)
{
  mx_host *h = m->hosts + m->n;
  if (m->n == MX_HOSTS || strlen(name) >= sizeof h->name) return;
  h->preference = preference;
  snprintf(h->name, sizeof h->name, "%s", name);
  m->n++;
}

static int add_address(mx *m, char const *ip, int v6)
{
  mx_address *a = m->addresses + m->addresses_n;
  if (m->addresses_n == MX_ADDRESSES) return 0;
  snprintf(a->ip, sizeof a->ip, "%s", ip);
  a->v6 = v6;
  m->addresses_n++;
  return 1;
}

/* "1.2.3.4" or "IPv6:…" (RFC 5321 4.1.3) or "…:…": it is the only address. */
static int literal(mx *m, char const *s, size_t len)
{
  char text[46];
  unsigned char b[16];
  int v6;
  if (len > 5 && !strncasecmp(s, "IPv6:", 5)) {
    s += 5;
    len -= 5;
  }
  if (len >= sizeof text) return 0;
  memcpy(text, s, len);
  text[len] = 0;
  v6 = strchr(text, ':') != 0;
  if (inet_pton(v6 ? AF_INET6 : AF_INET, text, b) != 1) return 0;
  snprintf(m->host, sizeof m->host, "%s", text);
  snprintf(m->domain, sizeof m->domain, "[%s]", text);
  m->given = m->literal = 1;
  return add_address(m, text, v6);
}

/* By preference, and those of one preference in a random order. */
static void sort(mx *m)
{
  for (unsigned i = 1; i < m->n; i++) {
    unsigned k = (unsigned)random_uint32(i + 1);
    mx_host h = m->hosts[i];
    m->hosts[i] = m->hosts[k];
    m->hosts[k] = h;
  }
  for (unsigned i = 1; i < m->n; i++) {
    mx_host h = m->hosts[i];
    unsigned k = i;
    for (; k && m->hosts[k - 1].preference > h.preference; k--)
      m->hosts[k] = m->hosts[k - 1];
    m->hosts[k] = h;
  }
}

/* Mail would come back from those who stand behind us, and from ourselves:
   what is left. */
static unsigned better_than_us(mx const *m)
{
  for (unsigned i = 0; i < m->n; i++) {
    unsigned k = i;
    if (strcasecmp(m->hosts[i].name, m->me)) continue;
    while (k && m->hosts[k - 1].preference == m->hosts[i].preference) k--;
    return k;
  }
  return m->n;
}

static int loops(char const *domain, outcome *o)
{
  outcome_set(o, 554, "5.4.6 Mail for %s would loop back to us", domain);
  return 0;
}

static int found(mx *m, dns_answer const *a, char const *domain, outcome *o)
{
  for (unsigned i = 0; i < a->n; i++)
    if (*a->v[i].data) add_host(m, a->v[i].preference, a->v[i].data);
  sort(m);
  if (m->n) {
    m->n = better_than_us(m);
    return m->n ? 1 : loops(domain, o);
  }
  outcome_set(o, 556, "5.1.10 %s does not accept mail (null MX)", domain);
  return 0;
}

int mx_domain(mx *m, char const *domain, outcome *o)
{
  dns_answer a = {0};
  size_t len = strlen(domain);
  int r = 0;
  snprintf(m->domain, sizeof m->domain, "%s", domain);
  if (*domain == '[') {
    if (domain[len - 1] == ']' && literal(m, domain + 1, len - 2)) return 1;
    outcome_set(o, 550, "5.1.2 %s is not an address", domain);
    return 0;
  }
  switch (dns_query(&a, domain, ns_t_mx, io_after(MX_DNS_MS))) {
  case DNS_OK:
    m->trusted = a.secure;
    r = found(m, &a, domain, o);
    break;
  case DNS_NODATA:
    m->trusted = 1; /* the domain itself, whose certificate tells */
    add_host(m, 0, domain);
    r = better_than_us(m) ? 1 : loops(domain, o);
    break;
  case DNS_NXDOMAIN:
    outcome_set(o, 550, "5.1.2 Domain %s does not exist", domain);
    break;
  case DNS_BAD:
    outcome_set(o, 550, "5.1.2 %s is not a domain name", domain);
    break;
  default: outcome_set(o, 451, "4.4.3 No answer from DNS for %s MX", domain);
  }
  dns_free(&a);
  return r;
}

static int port_given(mx *m, char const *s)
{
  size_t n = strlen(s);
  if (!n || n >= sizeof m->port_given || strspn(s, "0123456789") != n) return 0;
  memcpy(m->port_given, s, n + 1);
  m->port = m->port_given;
  return 1;
}

/* Where the host in s ends: at "]" or at the only colon. A bare IPv6 address
   has no port. */
static size_t host_length(char const *s)
{
  char const *colon = strchr(s, ':');
  if (*s == '[') return strcspn(s, "]") + 1;
  return colon && !strchr(colon + 1, ':') ? (size_t)(colon - s) : strlen(s);
}

static int relay(mx *m, char const *s)
{
  size_t len = strlen(s), n = host_length(s);
  char name[MX_NAME];
  if (!n || n > len || n >= sizeof name) return 0;
  if (n < len && (s[n] != ':' || !port_given(m, s + n + 1))) return 0;
  if (*s == '[') return literal(m, s + 1, n - 2);
  if (literal(m, s, n)) return 1;
  memcpy(name, s, n);
  name[n] = 0;
  if (strchr(name, ':')) return 0;
  add_host(m, 0, name);
  snprintf(m->domain, sizeof m->domain, "%s", name);
  return 1;
}

int mx_relay(mx *m, char const *s, outcome *o)
{
  m->trusted = m->given = 1;
  if (relay(m, s)) return 1;
  outcome_set(o, 554, "5.3.5 %s is not a host", s);
  return 0;
}

/* IPv6 first, then the families in turn: one that does not work costs one
   time-out. */
static void interleave(mx *m, dns_answer const *a4, dns_answer const *a6)
{
  for (unsigned i = 0; i < a4->n || i < a6->n; i++) {
    if (i < a6->n) add_address(m, a6->v[i].data, 1);
    if (i < a4->n) add_address(m, a4->v[i].data, 0);
  }
}

/* Signed only if all that we use is; the end of the chain is the same for both
   families. */
static void note_security(mx *m, dns_answer const *a, unsigned n)
{
  *m->final = 0;
  m->secure = 1;
  for (unsigned i = 0; i < n; i++) {
    if (a[i].status != DNS_OK) continue;
    m->secure &= a[i].secure;
    if (strlen(a[i].name) < sizeof m->final)
      snprintf(m->final, sizeof m->final, "%s", a[i].name);
  }
}

static void resolve(mx *m, outcome *o)
{
  dns_question q[2] = {{m->host, ns_t_a}, {m->host, ns_t_aaaa}};
  dns_answer a[2] = {0};
  outcome one = {0};
  dns_query_all(a, q, m->only4 ? 1 : 2, io_after(MX_DNS_MS));
  m->addresses_n = m->addresses_next = 0;
  interleave(m, a, a + 1);
  note_security(m, a, 2);
  if (m->addresses_n == 0) {
    if (a[0].status == DNS_TEMP || a[1].status == DNS_TEMP)
      outcome_set(&one, 451, "4.4.3 No answer from DNS for host %s", m->host);
    else
      outcome_set(&one, 550, "5.4.4 Host %s has no address", m->host);
    outcome_merge(o, &one);
  }
  dns_free(a);
  dns_free(a + 1);
}

void mx_skip_host(mx *m)
{
  m->addresses_next = m->addresses_n;
}

int mx_next(mx *m, mx_address *a, outcome *o)
{
  while (m->addresses_next == m->addresses_n) {
    if (m->next == m->n) return 0;
    memcpy(m->host, m->hosts[m->next++].name, sizeof m->host);
    resolve(m, o);
  }
  *a = m->addresses[m->addresses_next++];
  return 1;
}

mx_address const *mx_other_family(mx const *m, mx_address const *a)
{
  mx_address const *b = m->addresses + m->addresses_next;
  return m->addresses_next < m->addresses_n && b->v6 != a->v6 ? b : 0;
}

void mx_skip(mx *m)
{
  m->addresses_next++;
}
