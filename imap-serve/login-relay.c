#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "login.h"

#define WRITE_MS (5 * 60 * 1000) /* for a side that takes nothing */

/* What from has goes to to: 1, 0 at its end */
static int copy(int from, int to)
{
  char buf[8192];
  ssize_t n = read(from, buf, sizeof buf);
  return n > 0 && io_write(to, buf, (size_t)n, io_after(WRITE_MS)) > 0;
}

void login_relay(int fd)
{
  struct pollfd p[2] = {{.fd = 0, .events = POLLIN},
                        {.fd = fd, .events = POLLIN}};
  for (;;) {
    if (poll(p, 2, -1) < 0) return;
    if (p[0].revents && !copy(0, fd)) {
      p[0].fd = -1;
      shutdown(fd, SHUT_WR);
    }
    /* when imap-serve has closed, there is nobody to read for */
    if (p[1].revents && !copy(fd, 1)) return;
  }
}
