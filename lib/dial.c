#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <skalibs/types.h>

#include "connect.h"
#include "dial.h"
#include "dns.h"

int dial(char const *host, char const *port, io_time deadline)
{
  dns_question const q[2] = {{host, ns_t_aaaa}, {host, ns_t_a}};
  dns_answer a[2];
  uint16_t number;
  int s = -1, e = ENOENT;
  struct in6_addr ip;
  if (!uint160_scan(port, &number)) return errno = EINVAL, -1;
  if (!strcasecmp(host, "localhost")) { /* RFC 6761 6.3: no name to ask for */
    s = connect_tcp("127.0.0.1", port, deadline);
    return s < 0 ? connect_tcp("::1", port, deadline) : s;
  }
  if (inet_pton(AF_INET, host, &ip) || inet_pton(AF_INET6, host, &ip))
    return connect_tcp(host, port, deadline);
  if (dns_query_all(a, q, 2, deadline) < 0) return -1;
  for (unsigned i = 0; i < 2 && s < 0; i++)
    for (unsigned k = 0; a[i].status == DNS_OK && k < a[i].n && s < 0; k++) {
      s = connect_tcp(a[i].v[k].data, port, deadline);
      if (s < 0) e = errno;
    }
  if (s < 0 && e == ENOENT && (a[0].status < 0 || a[1].status < 0)) e = EAGAIN;
  dns_free(a);
  dns_free(a + 1);
  return errno = e, s;
}
