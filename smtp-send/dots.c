#include <string.h>

#include "dots.h"

/* Bytes before the first CR or LF */
static size_t text(char const *s, size_t n)
{
  char const *p = memchr(s, '\r', n);
  if (p) n = (size_t)(p - s);
  p = memchr(s, '\n', n);
  return p ? (size_t)(p - s) : n;
}

static size_t lines(enum dots *state, char *to, char const *s, size_t n,
                    int dots)
{
  char const *start = to, *end = s + n;
  while (s < end) {
    size_t k;
    if (*state == DOTS_CR) {
      *to++ = '\n';
      *state = DOTS_START;
      if (*s == '\n') s++;
      continue;
    }
    if (dots && *state == DOTS_START && *s == '.') *to++ = '.';
    k = text(s, (size_t)(end - s));
    memcpy(to, s, k);
    to += k;
    s += k;
    if (k) *state = DOTS_INSIDE;
    if (s == end) break;
    *to++ = '\r';
    if (*s == '\n') *to++ = '\n';
    *state = *s++ == '\n' ? DOTS_START : DOTS_CR;
  }
  return (size_t)(to - start);
}

size_t dots_stuff(enum dots *state, char *to, char const *s, size_t n)
{
  return lines(state, to, s, n, 1);
}

size_t dots_none(enum dots *state, char *to, char const *s, size_t n)
{
  return lines(state, to, s, n, 0);
}

size_t dots_last(enum dots *state, char *to)
{
  char const *tail = *state == DOTS_START ? ""
                     : *state == DOTS_CR  ? "\n"
                                          : "\r\n";
  size_t n = strlen(tail);
  memcpy(to, tail, n);
  *state = DOTS_START;
  return n;
}

size_t dots_end(enum dots *state, char *to)
{
  size_t n = dots_last(state, to);
  memcpy(to + n, ".\r\n", 3);
  return n + 3;
}
