/* Buffered output to the client; a client that takes nothing for OUT_MS, or is
   gone, makes it dead, and nothing more is written. */
#ifndef OUT_H
#define OUT_H

#include <stddef.h>
#include <stdint.h>

#include "squeeze.h"
#include "talk.h"

#define OUT_MS (5 * 60 * 1000)
#define OUT_SIZE 16384

typedef struct out {
  int fd;
  int dead;
  squeeze *z; /* 0: not compressed */
  talk *talk; /* 0: not shown in the log */
  size_t len;
  char buf[OUT_SIZE];
} out;

void out_put(out *o, char const *s, size_t n);
void out_puts(out *o, char const *s);
void out_number(out *o, uint64_t n);
void out_line(out *o, char const *s); /* s and CRLF */

/* As astring, "quoted" or {n} literal, whichever the bytes allow. */
void out_astring(out *o, char const *s, size_t n);

/* The same for UTF-8 without controls, which quoted strings may have now. */
void out_name(out *o, char const *s, size_t n);

/* Room for n (at most OUT_SIZE) bytes to be filled in place, then told with
   out_filled. */
char *out_room(out *o, size_t n);
void out_filled(out *o, size_t n);

/* All that was put goes to the client. 1, or -1 if it is gone. */
int out_flush(out *o);

#endif
