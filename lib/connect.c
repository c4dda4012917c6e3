#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "connect.h"

typedef union address {
  struct sockaddr any;
  struct sockaddr_in in;
  struct sockaddr_in6 in6;
} address;

static socklen_t make(address *a, char const *ip, char const *port)
{
  in_port_t p = htons((uint16_t)strtoul(port, 0, 10));
  memset(a, 0, sizeof *a);
  if (inet_pton(AF_INET, ip, &a->in.sin_addr) == 1) {
    a->in.sin_family = AF_INET;
    a->in.sin_port = p;
    return sizeof a->in;
  }
  if (inet_pton(AF_INET6, ip, &a->in6.sin6_addr) != 1) return 0;
  a->in6.sin6_family = AF_INET6;
  a->in6.sin6_port = p;
  return sizeof a->in6;
}

static int finish(int fd, io_time deadline)
{
  int err = 0;
  socklen_t n = sizeof err;
  if (errno != EINPROGRESS) return -1;
  if (io_wait(fd, POLLOUT, deadline) < 0) return -1;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n) < 0) return -1;
  return err ? (errno = err, -1) : 1;
}

int connect_tcp(char const *ip, char const *port, io_time deadline)
{
  int const on = 1;
  address a;
  socklen_t n = make(&a, ip, port);
  int fd;
  if (!n) return errno = EINVAL, -1;
  fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (connect(fd, &a.any, n) < 0 && finish(fd, deadline) < 0) {
    int e = errno;
    close(fd);
    return errno = e, -1;
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}
