#include <string.h>

#include <skalibs/allreadwrite.h>

#include "put-lines.h"

#define BUFFER 65536

static char buf[BUFFER];

void put_lines_init(put_lines *w, int fd)
{
  *w = (put_lines){.fd = fd};
}

static int flush(put_lines *w)
{
  if (allwrite(w->fd, buf, w->len) < w->len) return -1;
  w->len = 0;
  return 1;
}

static int bytes(put_lines *w, char const *s, size_t n)
{
  w->size += n;
  while (n) {
    size_t room = BUFFER - w->len, part = n < room ? n : room;
    memcpy(buf + w->len, s, part);
    w->len += part;
    s += part;
    n -= part;
    if (w->len == BUFFER && flush(w) < 0) return -1;
  }
  return 1;
}

int put_lines_write(char const *s, size_t n, void *data)
{
  put_lines *w = data;
  char const *end = s + n;
  if (w->cr && n) {
    w->cr = 0;
    if (*s != '\n' && bytes(w, "\r", 1) < 0) return -1;
  }
  while (s < end) {
    char const *lf = memchr(s, '\n', (size_t)(end - s));
    size_t len = (size_t)((lf ? lf : end) - s);
    int cr = len && s[len - 1] == '\r';
    if (bytes(w, s, len - (size_t)cr) < 0) return -1;
    if (!lf) {
      w->cr = cr;
      return 1;
    }
    if (bytes(w, "\n", 1) < 0) return -1;
    w->lines++;
    s = lf + 1;
  }
  return 1;
}

int put_lines_end(put_lines *w)
{
  if (w->cr && bytes(w, "\r", 1) < 0) return -1;
  w->cr = 0;
  return flush(w);
}
