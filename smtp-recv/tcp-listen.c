#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <skalibs/exec.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "ids.h"

#define USAGE "tcp-listen [ -u uid:gid ] [ -b backlog ] address port prog..."
#define dieusage() strerr_dieusage(100, USAGE)
#define BACKLOG 511

/* "0" and "::" mean every address of both families. */
static socklen_t address(struct sockaddr_storage *sa, char const *s,
                         uint16_t port, int *both)
{
  struct sockaddr_in *four = (struct sockaddr_in *)sa;
  struct sockaddr_in6 *six = (struct sockaddr_in6 *)sa;
  memset(sa, 0, sizeof *sa);
  *both = !strcmp(s, "0") || !strcmp(s, "::");
  if (!*both && inet_pton(AF_INET, s, &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    return sizeof *four;
  }
  if (!*both && inet_pton(AF_INET6, s, &six->sin6_addr) != 1)
    strerr_dief2x(100, "not an IP address: ", s);
  six->sin6_family = AF_INET6;
  six->sin6_port = htons(port);
  return sizeof *six;
}

static int attempt(struct sockaddr_storage const *sa, socklen_t n, int both)
{
  int one = 1, only = !both, fd = socket(sa->ss_family, SOCK_STREAM, 0);
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (sa->ss_family == AF_INET6)
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  if (bind(fd, (struct sockaddr const *)sa, n) == 0) return fd;
  only = errno;
  close(fd);
  return errno = only, -1;
}

static int bind_to(char const *s, uint16_t port)
{
  struct sockaddr_storage sa;
  int both;
  socklen_t n = address(&sa, s, port, &both);
  int fd = attempt(&sa, n, both);
  if (fd < 0 && both && errno != EADDRINUSE && errno != EACCES) {
    n = address(&sa, "0.0.0.0", port, &both); /* a kernel without IPv6 */
    fd = attempt(&sa, n, 0);
  }
  return fd;
}

int main(int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  char const *ids = 0;
  unsigned backlog = BACKLOG;
  uid_t uid;
  gid_t gid;
  uint16_t port;
  int fd;
  PROG = "tcp-listen";
  for (int opt; (opt = subgetopt_r(argc, argv, "u:b:", &l)) != -1;) {
    if (opt == 'u')
      ids = l.arg;
    else if (opt != 'b' || !uint0_scan(l.arg, &backlog))
      dieusage();
  }
  argc -= l.ind;
  argv += l.ind;
  if (argc < 3 || !uint160_scan(argv[1], &port)) dieusage();
  if (ids && !ids_pair(ids, &uid, &gid))
    strerr_dief2x(100, "unknown user or group: ", ids);
  fd = bind_to(argv[0], port);
  if (fd < 0) strerr_diefu4sys(111, "bind to ", argv[0], " port ", argv[1]);
  if (listen(fd, (int)backlog) < 0) strerr_diefu1sys(111, "listen");
  if (fd && dup2(fd, 0) < 0) strerr_diefu1sys(111, "dup2");
  if (fd) close(fd);
  if (ids && ids_drop(uid, gid) < 0) strerr_diefu2sys(111, "become ", ids);
  xexec(argv + 2);
}
