#include <stdio.h>
#include <string.h>

#include <arpa/nameser.h>

#include "dns.h"
#include "ip.h"
#include "rdns.h"

static int leads_to(dns_answer const *a, unsigned char const *ip, unsigned n)
{
  unsigned char b[16];
  for (unsigned i = 0; i < a->n; i++)
    if (ip_bytes(b, a->v[i].data) == n && !memcmp(b, ip, n)) return 1;
  return 0;
}

static enum rdns_result verify(stralloc *names, dns_answer const *ptr,
                               unsigned char const *ip, unsigned bytes,
                               io_time deadline)
{
  dns_question q[RDNS_NAMES];
  dns_answer a[RDNS_NAMES];
  enum rdns_result r = RDNS_FAIL;
  unsigned n = ptr->n < RDNS_NAMES ? ptr->n : RDNS_NAMES;
  for (unsigned i = 0; i < n; i++)
    q[i] = (dns_question){ptr->v[i].data, bytes == 4 ? ns_t_a : ns_t_aaaa};
  if (dns_query_all(a, q, n, deadline) < 0) r = RDNS_TEMPERROR;
  for (unsigned i = 0; i < n; i++) {
    if (leads_to(a + i, ip, bytes))
      r = stralloc_catb(names, q[i].name, strlen(q[i].name) + 1)
              ? RDNS_PASS
              : RDNS_TEMPERROR;
    else if (a[i].status == DNS_TEMP && r == RDNS_FAIL)
      r = RDNS_TEMPERROR;
    dns_free(a + i);
  }
  return r;
}

enum rdns_result rdns_names(stralloc *names, char first[RDNS_NAME],
                            char const *ip, io_time deadline)
{
  unsigned char b[16];
  char name[80];
  dns_answer a = {0};
  enum rdns_result r = RDNS_PERMERROR;
  unsigned n = ip_bytes(b, ip);
  if (first) *first = 0;
  if (!n || !dns_reverse_name(name, sizeof name, ip)) return r;
  if (dns_query(&a, name, ns_t_ptr, deadline) == DNS_OK) {
    if (first) snprintf(first, RDNS_NAME, "%s", a.v[0].data);
    r = verify(names, &a, b, n, deadline);
  } else if (a.status == DNS_TEMP) {
    r = RDNS_TEMPERROR;
  }
  dns_free(&a);
  return r;
}
