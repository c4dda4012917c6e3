/* A message as DATA wants it (RFC 5321 4.5.2): dots doubled, every line end
   CRLF. A CR or LF that stands alone becomes a line end, so that nothing in a
   message can look like the end of DATA to anybody (RFC 5321 2.3.8). */
#ifndef DOTS_H
#define DOTS_H

#include <stddef.h>

enum dots {
  DOTS_START = 0, /* of a line; the state before the first call */
  DOTS_INSIDE,
  DOTS_CR /* behind a CR whose LF is not yet written */
};

/* Writes at most 2n + 1 bytes to to; returns how many. */
size_t dots_stuff(enum dots *state, char *to, char const *s, size_t n);

/* The same without doubling dots, as BDAT wants it (RFC 3030 2). */
size_t dots_none(enum dots *state, char *to, char const *s, size_t n);

/* Completes the last line: at most 2 bytes. */
size_t dots_last(enum dots *state, char *to);

/* Completes the last line and adds the dot: at most 5 bytes. */
size_t dots_end(enum dots *state, char *to);

#endif
