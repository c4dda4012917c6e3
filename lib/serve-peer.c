#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/env.h>
#include <skalibs/types.h>

#include "serve-peer.h"
#include "unix.h"

static void show(struct sockaddr_storage const *sa, char *ip, unsigned *port)
{
  if (sa->ss_family == AF_INET) {
    struct sockaddr_in const *four = (struct sockaddr_in const *)sa;
    inet_ntop(AF_INET, &four->sin_addr, ip, 46);
    *port = ntohs(four->sin_port);
  } else if (sa->ss_family == AF_INET6) {
    struct sockaddr_in6 const *six = (struct sockaddr_in6 const *)sa;
    unsigned char const *a = six->sin6_addr.s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
      inet_ntop(AF_INET, a + 12, ip, 46);
    else
      inet_ntop(AF_INET6, a, ip, 46);
    *port = ntohs(six->sin6_port);
  }
}

static void zero(serve_peer *p)
{
  *p = (serve_peer){.pid = -1, .uid = (uid_t)-1, .gid = (gid_t)-1};
}

void serve_peer_socket(serve_peer *p, int fd)
{
  struct sockaddr_storage sa;
  socklen_t n = sizeof sa;
  zero(p);
  if (getsockname(fd, (struct sockaddr *)&sa, &n) < 0) return;
  if (sa.ss_family == AF_UNIX) {
    p->unix_socket = 1;
    unix_peer(fd, &p->pid, &p->uid, &p->gid);
    return;
  }
  show(&sa, p->localip, &p->localport);
  n = sizeof sa;
  if (getpeername(fd, (struct sockaddr *)&sa, &n) == 0)
    show(&sa, p->ip, &p->port);
}

void serve_peer_ends(serve_peer *p, struct sockaddr_storage const *from,
                     struct sockaddr_storage const *to)
{
  show(from, p->ip, &p->port);
  show(to, p->localip, &p->localport);
}

/* Copies an address of the environment if it is one, mapped ones as IPv4. */
static void address(char *to, char const *s)
{
  struct in_addr four;
  struct in6_addr six;
  if (!s) return;
  if (inet_pton(AF_INET, s, &four) == 1)
    inet_ntop(AF_INET, &four, to, 46);
  else if (inet_pton(AF_INET6, s, &six) == 1 && IN6_IS_ADDR_V4MAPPED(&six))
    inet_ntop(AF_INET, six.s6_addr + 12, to, 46);
  else if (inet_pton(AF_INET6, s, &six) == 1)
    inet_ntop(AF_INET6, &six, to, 46);
}

static void number(unsigned *to, char const *s)
{
  if (s) uint0_scan(s, to);
}

/* A client that came by TLS from s6-ucspitlsd is a pipe: only the environment
   knows it. One whose PROTO is IPC or UNIX is asked for its credentials. */
void serve_peer_environment(serve_peer *p)
{
  char const *proto = getenv("PROTO");
  serve_peer_socket(p, 0);
  if (!proto) return;
  if (!strcmp(proto, "IPC") || !strcmp(proto, "UNIX")) {
    char const *s = ucspi_get(*proto == 'I' ? "REMOTEEUID" : "REMOTEUID");
    int known = p->unix_socket && p->uid != (uid_t)-1;
    p->unix_socket = 1;
    if (!known && s) uid0_scan(s, &p->uid);
    return;
  }
  if (strcmp(proto, "TCP") && strcmp(proto, "TCP6")) return;
  address(p->ip, ucspi_get("REMOTEIP"));
  address(p->localip, ucspi_get("LOCALIP"));
  number(&p->port, ucspi_get("REMOTEPORT"));
  number(&p->localport, ucspi_get("LOCALPORT"));
}
