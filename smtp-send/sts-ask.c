/* The client of sts-fetch -w: one line with the question; the answer is a line
   and the policy's text, up to the end of file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "parcel.h"
#include "sts.h"
#include "unix.h"

static int read_all(int fd, stralloc *to, io_time deadline)
{
  for (;;) {
    ssize_t n;
    if (to->len > STS_BYTES + STS_WHY) return errno = EMSGSIZE, -1;
    if (!stralloc_readyplus(to, 4096)) return -1;
    n = io_read(fd, to->s + to->len, 4096, deadline);
    if (n <= 0) return (int)n;
    to->len += (size_t)n;
  }
}

/* "none WHY" or "policy WHY", and the text of the policy */
static int understand(sts *p, stralloc const *answer)
{
  size_t line;
  char const *s = answer->s,
             *end = answer->len ? memchr(s, '\n', answer->len) : 0;
  if (!end) return errno = EPROTO, -1;
  line = (size_t)(end - s);
  p->mode = STS_NONE;
  if (line >= 5 && !memcmp(s, "none ", 5)) {
    parcel_clean(p->why, sizeof p->why, s + 5, line - 5);
    return 1;
  }
  if (line < 7 || memcmp(s, "policy ", 7)) return errno = EPROTO, -1;
  parcel_clean(p->why, sizeof p->why, s + 7, line - 7);
  if (sts_read(p, end + 1, answer->len - line - 1) > 0) return 1;
  return errno = EPROTO, -1;
}

int sts_ask(sts *p, char const *socket, char const *domain, int again)
{
  stralloc answer = STRALLOC_ZERO;
  io_time deadline = io_after(STS_ASK_MS);
  char line[300];
  int e,
      r = -1, fd,
      n = snprintf(line, sizeof line, "%s%s\n", domain, again ? " again" : "");
  if (n < 0 || (size_t)n >= sizeof line) return errno = EINVAL, -1;
  fd = unix_connect(socket, deadline);
  if (fd < 0) return -1;
  if (io_write(fd, line, (size_t)n, deadline) > 0 &&
      read_all(fd, &answer, deadline) >= 0)
    r = understand(p, &answer);
  e = errno;
  close(fd);
  stralloc_free(&answer);
  return errno = e, r;
}
