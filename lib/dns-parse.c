#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <resolv.h>

#include "dns-parse.h"

#define CHAIN 16 /* CNAMEs in one answer */

size_t dns_wire_name(unsigned char *to, char const *name)
{
  size_t len = 0;
  if (name[0] == '.' && !name[1]) name++;
  while (*name) {
    size_t n = strcspn(name, ".");
    if (!n || n > NS_MAXLABEL || len + n + 2 > NS_MAXCDNAME) return 0;
    to[len++] = (unsigned char)n;
    memcpy(to + len, name, n);
    len += n;
    name += n;
    if (*name == '.') name++;
  }
  to[len++] = 0;
  return len;
}

void dns_free(dns_answer *a)
{
  for (unsigned i = 0; i < a->n; i++) free(a->v[i].data);
  free(a->v);
  free(a->name);
  a->v = 0;
  a->name = 0;
  a->n = 0;
}

/* A compressed name as text without its last dot: a copy, or 0 */
static char *take_name(ns_msg const *m, unsigned char const *p)
{
  char text[NS_MAXDNAME];
  size_t n;
  if (p >= ns_msg_end(*m) || ns_name_uncompress(ns_msg_base(*m), ns_msg_end(*m),
                                                p, text, sizeof text) < 0)
    return 0;
  n = strlen(text);
  if (n && text[n - 1] == '.') text[n - 1] = 0;
  return strdup(text);
}

/* RFC 7208 3.3, RFC 1035 3.3.14: the strings without anything between. */
static char *take_txt(unsigned char const *p, size_t n, size_t *len)
{
  unsigned char const *end = p + n;
  char *s = malloc(n + 1);
  *len = 0;
  while (s && p < end) {
    size_t k = *p++;
    if (k > (size_t)(end - p)) {
      free(s);
      return 0;
    }
    memcpy(s + *len, p, k);
    *len += k;
    p += k;
  }
  if (s) s[*len] = 0;
  return s;
}

static char *take_ip(int family, unsigned char const *p)
{
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(family, p, text, sizeof text) ? strdup(text) : 0;
}

static char *take_bytes(unsigned char const *p, size_t n)
{
  char *s = malloc(n + 1);
  if (!s) return 0;
  memcpy(s, p, n);
  s[n] = 0;
  return s;
}

/* 1, or 0 if its rdata is none of its type */
static int take_record(dns_record *r, ns_msg const *m, ns_rr const *rr)
{
  unsigned char const *p = ns_rr_rdata(*rr);
  size_t n = ns_rr_rdlen(*rr);
  *r = (dns_record){.type = ns_rr_type(*rr), .ttl = ns_rr_ttl(*rr)};
  switch (r->type) {
  case ns_t_a: r->data = n == 4 ? take_ip(AF_INET, p) : 0; break;
  case ns_t_aaaa: r->data = n == 16 ? take_ip(AF_INET6, p) : 0; break;
  case ns_t_mx:
    if (n < 3) return 0;
    r->preference = (uint16_t)ns_get16(p);
    r->data = take_name(m, p + 2);
    break;
  case ns_t_ptr:
  case ns_t_ns:
  case ns_t_cname: r->data = n ? take_name(m, p) : 0; break;
  case ns_t_txt: r->data = take_txt(p, n, &r->len); return r->data != 0;
  default:
    r->data = take_bytes(p, n);
    r->len = n;
    return r->data != 0;
  }
  if (r->data) r->len = strlen(r->data);
  return r->data != 0;
}

static char const *owner(ns_rr const *rr)
{
  return ns_rr_name(*rr);
}

/* The name reached from a->name by the CNAMEs of the answer, in whatever order
   they stand: how many, or -1 for a loop or broken records. */
static int walk_chain(dns_answer *a, ns_msg *m, int count)
{
  int steps = 0;
  for (int i = 0; i < count && steps <= CHAIN; i++) {
    ns_rr rr;
    char *to;
    if (ns_parserr(m, ns_s_an, i, &rr) < 0) return -1;
    if (ns_rr_type(rr) != ns_t_cname || ns_rr_class(rr) != ns_c_in ||
        strcasecmp(owner(&rr), a->name))
      continue;
    to = ns_rr_rdlen(rr) ? take_name(m, ns_rr_rdata(rr)) : 0;
    if (!to) return -1;
    free(a->name);
    a->name = to;
    steps++;
    i = -1;
  }
  return steps > CHAIN ? -1 : steps;
}

static int collect(dns_answer *a, ns_msg *m, int count, int type)
{
  a->v = malloc((size_t)(count ? count : 1) * sizeof *a->v);
  if (!a->v) return -1;
  for (int i = 0; i < count; i++) {
    ns_rr rr;
    if (ns_parserr(m, ns_s_an, i, &rr) < 0) return -1;
    if ((int)ns_rr_type(rr) != type || ns_rr_class(rr) != ns_c_in ||
        strcasecmp(owner(&rr), a->name))
      continue;
    errno = 0;
    if (take_record(a->v + a->n, m, &rr))
      a->n++;
    else if (errno == ENOMEM) /* no "no such record" */
      return -1;
  }
  return 1;
}

static int has_soa(ns_msg *m)
{
  for (int i = 0; i < ns_msg_count(*m, ns_s_ns); i++) {
    ns_rr rr;
    if (ns_parserr(m, ns_s_ns, i, &rr) < 0) return 0;
    if (ns_rr_type(rr) == ns_t_soa) return 1;
  }
  return 0;
}

/* The asked name in the form in which the parser shows names. */
static char *canonical(char const *name)
{
  unsigned char wire[NS_MAXCDNAME];
  char text[NS_MAXDNAME];
  size_t n = dns_wire_name(wire, name);
  if (!n || ns_name_ntop(wire, text, sizeof text) < 0) return 0;
  n = strlen(text);
  if (n && text[n - 1] == '.') text[n - 1] = 0;
  return strdup(text);
}

int dns_parse(dns_answer *a, char const *name, int type, unsigned char const *s,
              size_t len, int trusted)
{
  ns_msg m;
  int count, rcode, steps;
  a->status = DNS_TEMP;
  if (ns_initparse(s, (int)len, &m) < 0) return 0;
  rcode = ns_msg_getflag(m, ns_f_rcode);
  if (!ns_msg_getflag(m, ns_f_qr) || ns_msg_getflag(m, ns_f_tc)) return 0;
  if (rcode != ns_r_noerror && rcode != ns_r_nxdomain) return 0;
  count = ns_msg_count(m, ns_s_an);
  if (count > DNS_RECORDS) count = DNS_RECORDS;
  a->secure = trusted && ns_msg_getflag(m, ns_f_ad);
  a->name = canonical(name);
  if (!a->name) return 0;
  steps = type == ns_t_cname ? 0 : walk_chain(a, &m, count);
  if (steps < 0 || collect(a, &m, count, type) < 0) {
    dns_free(a);
    a->secure = 0;
    return 0;
  }
  a->status = rcode == ns_r_nxdomain ? DNS_NXDOMAIN
              : a->n                 ? DNS_OK
                                     : DNS_NODATA;
  return a->status == DNS_NODATA && steps > 0 && !has_soa(&m);
}

static int reverse6(char *to, size_t size, unsigned char const *ip)
{
  static char const hex[] = "0123456789abcdef";
  if (size < 4 * 16 + sizeof "ip6.arpa") return 0;
  for (int i = 15; i >= 0; i--) {
    *to++ = hex[ip[i] & 15];
    *to++ = '.';
    *to++ = hex[ip[i] >> 4];
    *to++ = '.';
  }
  memcpy(to, "ip6.arpa", sizeof "ip6.arpa");
  return 1;
}

int dns_reverse_name(char *to, size_t size, char const *ip)
{
  unsigned char b[16];
  int n;
  if (inet_pton(AF_INET6, ip, b) == 1) return reverse6(to, size, b);
  if (inet_pton(AF_INET, ip, b) != 1) return 0;
  n = snprintf(to, size, "%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1], b[0]);
  return n > 0 && (size_t)n < size;
}
