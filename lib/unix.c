#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unix.h"

/* A full backlog says EAGAIN at once, and no event says when it has room. */
#define RETRY_MS 20

int unix_connect(char const *path, io_time deadline)
{
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  int s;
  if (strlen(path) >= sizeof sa.sun_path) return errno = ENAMETOOLONG, -1;
  strncpy(sa.sun_path, path, sizeof sa.sun_path - 1);
  s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (s < 0) return -1;
  while (connect(s, (struct sockaddr *)&sa, sizeof sa) < 0) {
    int e = errno;
    if (e == EINTR) continue;
    if (e == EAGAIN && io_left(deadline) != 0) {
      poll(0, 0, RETRY_MS);
      continue;
    }
    close(s);
    return errno = e, -1;
  }
  return s;
}

int unix_send_fd(int sock, void const *buf, size_t n, int fd, io_time deadline)
{
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct iovec iov = {(void *)(uintptr_t)buf, n};
  struct msghdr m = {.msg_iov = &iov,
                     .msg_iovlen = 1,
                     .msg_control = control.bytes,
                     .msg_controllen = sizeof control.bytes};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  ssize_t r;
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(c), &fd, sizeof fd);
  for (;;) {
    r = sendmsg(sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (r >= 0) break;
    if (errno != EAGAIN && errno != EINTR) return -1;
    if (io_wait(sock, POLLOUT, deadline) < 0) return -1;
  }
  return io_write(sock, (char const *)buf + r, n - (size_t)r, deadline);
}

static void take(struct msghdr *m, int *fd)
{
  for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
    size_t count;
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int got;
      memcpy(&got, CMSG_DATA(c) + i * sizeof got, sizeof got);
      if (*fd < 0)
        *fd = got;
      else
        close(got);
    }
  }
}

ssize_t unix_recv_fd(int sock, void *buf, size_t n, int *fd, io_time deadline)
{
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(4 * sizeof(int))];
  } control;
  struct iovec iov = {buf, n};
  struct msghdr m = {.msg_iov = &iov,
                     .msg_iovlen = 1,
                     .msg_control = control.bytes,
                     .msg_controllen = sizeof control.bytes};
  ssize_t r;
  do {
    if (io_wait(sock, POLLIN, deadline) < 0) return -1;
    r = recvmsg(sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (r < 0 && (errno == EAGAIN || errno == EINTR));
  if (r >= 0) take(&m, fd);
  return r;
}

int unix_peer(int sock, pid_t *pid, uid_t *uid, gid_t *gid)
{
  struct ucred u;
  socklen_t n = sizeof u;
  if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &u, &n) < 0) return -1;
  *pid = u.pid;
  *uid = u.uid;
  *gid = u.gid;
  return 1;
}
