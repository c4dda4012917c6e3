#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <skalibs/types.h>

#include "dial.h"
#include "dns.h"

static int try(char const *ip, uint16_t port, io_time deadline)
{
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  int six = strchr(ip, ':') != 0, e = 0, s;
  socklen_t n = sizeof e;
  if (inet_pton(six ? AF_INET6 : AF_INET, ip,
                six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr) != 1)
    return errno = ENOENT, -1;
  s = socket(six ? AF_INET6 : AF_INET,
             SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (s < 0) return -1;
  if (connect(s, six ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4,
              six ? sizeof v6 : sizeof v4) == 0)
    return s;
  if (errno != EINPROGRESS || io_wait(s, POLLOUT, deadline) < 0)
    e = errno;
  else if (getsockopt(s, SOL_SOCKET, SO_ERROR, &e, &n) < 0)
    e = errno;
  if (!e) return s;
  close(s);
  return errno = e, -1;
}

int dial(char const *host, char const *port, io_time deadline)
{
  dns_question const q[2] = {{host, ns_t_aaaa}, {host, ns_t_a}};
  dns_answer a[2];
  uint16_t number;
  int s = -1, e = ENOENT;
  struct in6_addr ip;
  if (!uint160_scan(port, &number)) return errno = EINVAL, -1;
  if (inet_pton(AF_INET, host, &ip) || inet_pton(AF_INET6, host, &ip))
    return try(host, number, deadline);
  if (dns_query_all(a, q, 2, deadline) < 0) return -1;
  for (unsigned i = 0; i < 2 && s < 0; i++)
    for (unsigned k = 0; a[i].status == DNS_OK && k < a[i].n && s < 0; k++) {
      s = try(a[i].v[k].data, number, deadline);
      if (s < 0) e = errno;
    }
  if (s < 0 && e == ENOENT && (a[0].status < 0 || a[1].status < 0)) e = EAGAIN;
  dns_free(a);
  dns_free(a + 1);
  return errno = e, s;
}
