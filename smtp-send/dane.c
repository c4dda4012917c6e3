#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <arpa/nameser.h>

#include "dane.h"
#include "dns.h"

#define TLSA 52 /* its type; <arpa/nameser.h> has no name for it */

/* RFC 7672 3.1: usages 2 and 3, and what RFC 6698 2.1 defines. */
static int usable(unsigned char const *s, size_t len)
{
  if (len < 4 || (s[0] != 2 && s[0] != 3) || s[1] > 1) return 0;
  return s[2] == 0 || (s[2] == 1 && len == 3 + 32) ||
         (s[2] == 2 && len == 3 + 64);
}

static int add(dane *d, unsigned char const *s, size_t len)
{
  static char const hex[] = "0123456789abcdef";
  char head[32];
  snprintf(head, sizeof head, "tlsa=%u %u %u ", s[0], s[1], s[2]);
  if (!stralloc_cats(&d->records, head) ||
      !stralloc_readyplus(&d->records, 2 * len))
    return 0;
  for (size_t i = 3; i < len; i++) {
    d->records.s[d->records.len++] = hex[s[i] >> 4];
    d->records.s[d->records.len++] = hex[s[i] & 15];
  }
  d->n++;
  return stralloc_0(&d->records);
}

static int take(dane *d, dns_answer const *a)
{
  d->records.len = 0;
  d->n = 0;
  for (unsigned i = 0; i < a->n; i++) {
    unsigned char const *s = (unsigned char const *)a->v[i].data;
    if (usable(s, a->v[i].len) && !add(d, s, a->v[i].len)) return DANE_TEMP;
  }
  return d->n ? DANE_USABLE : DANE_UNUSABLE;
}

static int ask(dane *d, char const *base, char const *port)
{
  char name[MX_NAME + 16];
  dns_answer a = {0};
  int r = DANE_NONE;
  snprintf(name, sizeof name, "_%s._tcp.%s", port, base);
  switch (dns_query(&a, name, TLSA, io_after(MX_DNS_MS))) {
  case DNS_OK:
    d->why = "its TLSA records are not signed";
    if (a.secure) r = take(d, &a);
    break;
  case DNS_NODATA:
  case DNS_NXDOMAIN:
  case DNS_BAD: d->why = "it has no TLSA records"; break;
  default: r = DANE_TEMP;
  }
  dns_free(&a);
  if (r != DANE_NONE) snprintf(d->base, sizeof d->base, "%s", base);
  return r;
}

/* RFC 7672 2.2.2: where the target of an alias is not signed, the alias itself
   may be. */
static int secure_alias(char const *host)
{
  dns_answer a = {0};
  int r = dns_query(&a, host, ns_t_cname, io_after(MX_DNS_MS));
  r = r == DNS_TEMP ? -1 : r == DNS_OK && a.secure;
  dns_free(&a);
  return r;
}

int dane_find(dane *d, mx const *m)
{
  int alias = *m->final && strcasecmp(m->final, m->host), r;
  d->records.len = 0;
  d->n = 0;
  *d->base = 0;
  d->why = "";
  if (m->literal)
    d->why = "an address has none";
  else if (!m->trusted)
    d->why = "the MX records are not signed";
  if (*d->why) return DANE_NONE;
  if (!m->secure) {
    r = alias ? secure_alias(m->host) : 0;
    d->why = "its addresses are not signed";
    return r > 0 ? ask(d, m->host, m->port) : r;
  }
  r = alias ? ask(d, m->final, m->port) : DANE_NONE;
  return r == DANE_NONE ? ask(d, m->host, m->port) : r;
}
