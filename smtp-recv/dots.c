#include <string.h>

#include "dots.h"

enum { START, LINE, CR, DOT, DOTCR };

static void keep(char *s, size_t *out, size_t from, size_t to)
{
  if (*out != from) memmove(s + *out, s + from, to - from);
  *out += to - from;
}

/* The rest of a line, up to behind its CR or a bare LF. */
static size_t in_line(dots *d, char const *s, size_t i, size_t len)
{
  char const *lf = memchr(s + i, '\n', len - i);
  size_t end = lf ? (size_t)(lf - s) : len;
  char const *cr = memchr(s + i, '\r', end - i);
  if (cr) {
    d->state = CR;
    return (size_t)(cr - s) + 1;
  }
  if (!lf) return len;
  d->bare = 1;
  return end + 1;
}

size_t dots_feed(dots *d, char *s, size_t len, size_t *out)
{
  size_t i = 0, next;
  *out = 0;
  while (i < len && !d->done) {
    switch (d->state) {
    case START:
      d->state = LINE;
      if (s[i] == '.' && !d->raw) {
        d->state = DOT;
        i++;
      }
      break;
    case DOT:
      d->state = s[i] == '\r' ? DOTCR : LINE;
      i += d->state == DOTCR;
      break;
    case DOTCR:
    case CR:
      if (s[i] != '\n') {
        d->bare = 1;
        d->state = LINE;
        break;
      }
      if (d->state == CR) keep(s, out, i, i + 1);
      d->done = d->state == DOTCR;
      d->state = START;
      i++;
      break;
    default:
      next = in_line(d, s, i, len);
      keep(s, out, i, next);
      i = next;
    }
  }
  return i;
}

int dots_whole(dots *d)
{
  if (d->state == CR) d->bare = 1;
  return d->state == START;
}
