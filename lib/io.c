#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "io.h"

io_time io_now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (io_time)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

io_time io_after(int64_t ms)
{
  return io_now() + ms;
}

int io_left(io_time t)
{
  if (t == IO_FOREVER) return -1;
  t -= io_now();
  return t < 0 ? 0 : t > INT_MAX ? INT_MAX : (int)t;
}

/* 1: fd is ready, 0: only watch is, -1: errno */
static int ready(int fd, short events, int watch, io_time deadline)
{
  struct pollfd p[2] = {{.fd = fd, .events = events},
                        {.fd = watch, .events = POLLIN}};
  for (;;) {
    int n = poll(p, watch < 0 ? 1 : 2, io_left(deadline));
    if (n > 0) return p[0].revents != 0;
    if (n == 0) return errno = ETIMEDOUT, -1;
    if (errno != EINTR) return -1;
  }
}

int io_wait(int fd, short events, io_time deadline)
{
  return ready(fd, events, -1, deadline);
}

int io_rest(int fd, io_time until)
{
  struct pollfd p = {.fd = fd, .events = POLLRDHUP};
  while (io_left(until)) {
    int r = poll(&p, 1, io_left(until));
    if (r > 0 || (r < 0 && errno != EINTR)) return -1;
  }
  return 1;
}

ssize_t io_read(int fd, void *buf, size_t n, io_time deadline)
{
  for (;;) {
    ssize_t r;
    if (io_wait(fd, POLLIN, deadline) < 0) return -1;
    r = read(fd, buf, n);
    if (r >= 0 || (errno != EINTR && errno != EAGAIN)) return r;
  }
}

int io_read_all(int fd, void *buf, size_t n, io_time deadline)
{
  for (char *to = buf; n;) {
    ssize_t r = io_read(fd, to, n, deadline);
    if (r <= 0) return r ? -1 : (errno = EPIPE, -1);
    to += r;
    n -= (size_t)r;
  }
  return 1;
}

/* A pipe takes PIPE_BUF bytes at once after POLLOUT without blocking, so its
   flags, which others may share, need not be touched. */
static ssize_t write_some(int fd, void const *buf, size_t n)
{
  struct pollfd p = {.fd = fd, .events = POLLOUT};
  ssize_t r = send(fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (r >= 0 || errno != ENOTSOCK) return r;
  if (poll(&p, 1, 0) == 0) return errno = EAGAIN, -1;
  return write(fd, buf, n > PIPE_BUF ? PIPE_BUF : n);
}

int io_write_watch(int fd, void const *buf, size_t n, int watch, size_t *done,
                   io_time deadline)
{
  for (*done = 0; *done < n;) {
    int r;
    ssize_t w = write_some(fd, (char const *)buf + *done, n - *done);
    if (w >= 0) {
      *done += (size_t)w;
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) return -1;
    r = ready(fd, POLLOUT, watch, deadline);
    if (r <= 0) return r;
  }
  return 1;
}

int io_write(int fd, void const *buf, size_t n, io_time deadline)
{
  size_t done;
  return io_write_watch(fd, buf, n, -1, &done, deadline);
}
