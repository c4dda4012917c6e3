#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <arpa/nameser.h>

#include "addr.h"
#include "dns.h"
#include "ip.h"
#include "parcel.h"
#include "sender-mx.h"

char const *const sender_mx_words[MX_RESULTS] = {"pass", "none", "nullmx",
                                                 "temperror"};

__attribute__((format(printf, 3, 4))) static enum sender_mx
because(char *text, enum sender_mx r, char const *fmt, ...)
{
  char s[SENDER_MX_TEXT];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(s, sizeof s, fmt, ap);
  va_end(ap);
  parcel_clean(text, SENDER_MX_TEXT, s, strlen(s));
  return r;
}

static int reachable(char const *ip, int anywhere)
{
  enum ip_kind kind = ip_kind(ip);
  return kind == IP_PUBLIC || (anywhere && kind == IP_PRIVATE);
}

/* The addresses of hosts, both families at once. */
static enum sender_mx hosts(char *text, char const *const *host, unsigned n,
                            int anywhere, io_time deadline)
{
  dns_question q[2 * SENDER_MX_HOSTS] = {{0}};
  dns_answer a[2 * SENDER_MX_HOSTS];
  enum sender_mx r = MX_NONE;
  char const *seen = 0;
  for (unsigned i = 0; i < 2 * n; i++)
    q[i] = (dns_question){host[i / 2], i % 2 ? ns_t_aaaa : ns_t_a};
  if (dns_query_all(a, q, 2 * n, deadline) < 0) r = MX_TEMPERROR;
  for (unsigned i = 0; i < 2 * n; i++) {
    if (a[i].status == DNS_TEMP && r == MX_NONE) r = MX_TEMPERROR;
    for (unsigned k = 0; k < a[i].n; k++) {
      seen = a[i].v[k].data;
      if (reachable(seen, anywhere)) r = MX_PASS;
    }
  }
  switch (r) {
  case MX_PASS: because(text, r, "%.253s takes mail", host[0]); break;
  case MX_TEMPERROR:
    because(text, r, "No answer from DNS for host %.253s", host[0]);
    break;
  default:
    if (seen)
      because(text, r, "host %.253s leads to %s, which is nowhere", host[0],
              seen);
    else
      because(text, r, "host %.253s has no address", host[0]);
  }
  for (unsigned i = 0; i < 2 * n; i++) dns_free(a + i);
  return r;
}

/* RFC 7505 3: "." alone. Beside others it is no host either. */
static enum sender_mx found(char *text, dns_answer const *a, char const *domain,
                            int anywhere, io_time deadline)
{
  char const *host[SENDER_MX_HOSTS];
  unsigned n = 0;
  for (unsigned i = 0; i < a->n && n < SENDER_MX_HOSTS; i++)
    if (*a->v[i].data) host[n++] = a->v[i].data;
  if (n) return hosts(text, host, n, anywhere, deadline);
  return because(text, MX_NULL, "%.253s takes no mail (null MX)", domain);
}

static enum sender_mx check(char *text, char const *domain, int anywhere)
{
  io_time deadline = io_after(SENDER_MX_MS);
  dns_answer a = {0};
  enum sender_mx r;
  switch (dns_query(&a, domain, ns_t_mx, deadline)) {
  case DNS_OK: r = found(text, &a, domain, anywhere, deadline); break;
  case DNS_NODATA: r = hosts(text, &domain, 1, anywhere, deadline); break;
  case DNS_NXDOMAIN:
    r = because(text, MX_NONE, "%.253s does not exist", domain);
    break;
  case DNS_BAD:
    r = because(text, MX_NONE, "%.253s is not a domain", domain);
    break;
  default:
    r = because(text, MX_TEMPERROR, "No answer from DNS for %.253s MX", domain);
  }
  dns_free(&a);
  return r;
}

/* An address literal is its own host. */
static enum sender_mx literal(char *text, char const *s, int anywhere)
{
  char ip[64];
  size_t n = strlen(s);
  int v6 = !strncmp(s, "[IPv6:", 6) || !strncmp(s, "[ipv6:", 6);
  snprintf(ip, sizeof ip, "%.*s", n > 2 ? (int)(n - (v6 ? 7 : 2)) : 0,
           s + (v6 ? 6 : 1));
  if (reachable(ip, anywhere))
    return because(text, MX_PASS, "%.253s is an address", s);
  return because(text, MX_NONE, "%.253s leads nowhere", s);
}

enum sender_mx sender_mx(char text[SENDER_MX_TEXT], char const *domain,
                         int anywhere)
{
  stralloc key = STRALLOC_ZERO;
  enum sender_mx r;
  int good;
  if (*domain == '[') return literal(text, domain, anywhere);
  good = addr_domain_key(&key, domain, strlen(domain));
  if (good > 0 && !stralloc_0(&key)) good = -1;
  r = good > 0   ? check(text, key.s, anywhere)
      : good < 0 ? because(text, MX_TEMPERROR, "Out of memory")
                 : because(text, MX_NONE, "%.253s is not a domain", domain);
  stralloc_free(&key);
  return r;
}
