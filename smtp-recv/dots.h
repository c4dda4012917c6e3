/* The bytes of DATA (RFC 5321 4.5.2) and BDAT. Only CRLF "." CRLF ends DATA;
   a CR or LF that is not part of a CRLF is told of (SMTP smuggling). */
#ifndef DOTS_H
#define DOTS_H

#include <stddef.h>

typedef struct dots {
  int raw; /* BDAT: dots mean nothing */
  int state;
  int bare; /* a CR or LF stood alone */
  int done; /* the dot was seen; what follows is not ours */
} dots;

/* Takes bytes from s, at most len, and moves what they say to the front of s.
   Returns how many were taken (all, unless done), in *out how many remain. */
size_t dots_feed(dots *d, char *s, size_t len, size_t *out);

/* At the end of the last BDAT chunk: whether the last line had its CRLF; a CR
   without LF is bare now. */
int dots_whole(dots *d);

#endif
