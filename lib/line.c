#include <errno.h>
#include <string.h>

#include "line.h"

void line_init(line_in *in, int fd, char *buf, size_t size)
{
  *in = (line_in){.fd = fd, .buf = buf, .size = size};
}

size_t line_pending(line_in const *in)
{
  return in->end - in->pos;
}

size_t line_chomp(char const *s, size_t len)
{
  if (len && s[len - 1] == '\n') len--;
  if (len && s[len - 1] == '\r') len--;
  return len;
}

/* More bytes behind what is there: 1, 0 at end of file, -1 */
static int fill(line_in *in, io_time deadline)
{
  ssize_t r;
  if (in->pos && in->pos == in->end) in->pos = in->end = 0;
  if (in->end == in->size) {
    memmove(in->buf, in->buf + in->pos, in->end - in->pos);
    in->end -= in->pos;
    in->pos = 0;
  }
  r = io_read(in->fd, in->buf + in->end, in->size - in->end, deadline);
  if (r > 0) in->end += (size_t)r;
  return r > 0 ? 1 : (int)r;
}

static int end_of_input(line_in *in)
{
  if (!line_pending(in) && !in->skipping) return 0;
  return errno = EPIPE, -1;
}

int line_get(line_in *in, char **s, size_t *len, io_time deadline)
{
  size_t seen = 0;
  for (;;) {
    char *start = in->buf + in->pos;
    char *lf = memchr(start + seen, '\n', line_pending(in) - seen);
    int r;
    if (lf) {
      in->pos = (size_t)(lf + 1 - in->buf);
      if (in->skipping) {
        in->skipping = 0;
        seen = 0;
        continue;
      }
      *s = start;
      *len = (size_t)(lf + 1 - start);
      return 1;
    }
    seen = line_pending(in);
    if (seen == in->size) {
      int first = !in->skipping;
      in->skipping = 1;
      seen = in->pos = in->end = 0;
      if (first) return errno = EMSGSIZE, -1;
    }
    r = fill(in, deadline);
    if (r < 0) return -1;
    if (r == 0) return end_of_input(in);
    if (in->skipping && seen) {
      in->pos += seen;
      seen = 0;
    }
  }
}

ssize_t line_read(line_in *in, void *buf, size_t n, io_time deadline)
{
  size_t have = line_pending(in);
  if (!have) return io_read(in->fd, buf, n, deadline);
  if (n > have) n = have;
  memcpy(buf, in->buf + in->pos, n);
  in->pos += n;
  return (ssize_t)n;
}
