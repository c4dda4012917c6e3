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

static int start(char const *ip, char const *port, char const *source)
{
  address a, own;
  socklen_t n = make(&a, ip, port), m = source ? make(&own, source, "0") : 0;
  int fd, e;
  if (!n || (source && !m)) return errno = EINVAL, -1;
  fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if ((!source || bind(fd, &own.any, m) == 0) &&
      (connect(fd, &a.any, n) == 0 || errno == EINPROGRESS))
    return fd;
  e = errno;
  close(fd);
  return errno = e, -1;
}

/* What became of it, when poll has said that something did */
static int outcome_of(int fd)
{
  int err = 0;
  socklen_t n = sizeof err;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n) < 0) return errno;
  return err;
}

static void give_up(int *fd)
{
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

/* Waits for one of those that are under way: its number; -1: the deadline, or
   nobody is left, *err says why. Those that failed are given up. */
static int race(int *fd, unsigned n, io_time deadline, int *err)
{
  struct pollfd p[CONNECT_MOST];
  unsigned live = 0;
  int r;
  for (unsigned i = 0; i < n; i++) {
    p[i] = (struct pollfd){.fd = fd[i], .events = POLLOUT};
    live += fd[i] >= 0;
  }
  if (!live) return -1;
  do r = poll(p, n, io_left(deadline));
  while (r < 0 && errno == EINTR);
  if (r <= 0) return *err = r < 0 ? errno : ETIMEDOUT, -1;
  for (unsigned i = 0; i < n; i++) {
    if (fd[i] < 0 || !p[i].revents) continue;
    r = outcome_of(fd[i]);
    if (!r) return (int)i;
    *err = r;
    give_up(fd + i);
  }
  return race(fd, n, deadline, err);
}

int connect_race(connect_address const *to, unsigned n, char const *port,
                 io_time deadline, unsigned *winner)
{
  int const on = 1;
  int fd[CONNECT_MOST], r = -1, err = EINVAL;
  unsigned begun = 0;
  for (unsigned i = 0; i < CONNECT_MOST; i++) fd[i] = -1;
  while (r < 0 && begun < n) {
    io_time next = begun + 1 < n ? io_after(CONNECT_STAGGER_MS) : deadline;
    fd[begun] = start(to[begun].ip, port, to[begun].source);
    if (fd[begun] < 0) err = errno;
    begun++;
    r = race(fd, begun, next < deadline ? next : deadline, &err);
    if (r < 0 && !io_left(deadline)) break;
  }
  for (unsigned i = 0; i < begun; i++)
    if ((int)i != r) give_up(fd + i);
  if (r < 0) return errno = err, -1;
  *winner = (unsigned)r;
  setsockopt(fd[r], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd[r];
}

int connect_tcp(char const *ip, char const *port, io_time deadline)
{
  connect_address const to = {ip, 0};
  unsigned winner;
  return connect_race(&to, 1, port, deadline, &winner);
}
