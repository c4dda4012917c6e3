/* Canonicalisation, RFC 6376 3.4. A line ends with CRLF or LF; both count as
   CRLF. Nothing here knows of hashes, so that the output can be looked at. */
#ifndef CANON_H
#define CANON_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/stralloc.h>

typedef enum canon { CANON_SIMPLE, CANON_RELAXED } canon;

/* "simple" or "relaxed" as c= says it, and back: 1 or 0. */
char const *canon_name(canon how);
int canon_scan(canon *how, char const *s, size_t len);

/* Appends the field s[0..len) (with its line end or without) and a CRLF:
   3.4.1, 3.4.2. 1, or -1 with ENOMEM. */
int canon_field(stralloc *out, canon how, char const *s, size_t len);

/* A body that comes in pieces cut anywhere: 3.4.3, 3.4.4. Memory does not grow:
   line ends that may turn out to be the last ones are only counted. */
typedef void canon_put(void *to, void const *s, size_t len);

typedef struct canon_body {
  canon how;
  canon_put *put;
  void *to;
  uint64_t ends; /* line ends not yet put */
  int cr;        /* the last byte was a CR */
  int blank;     /* relaxed: blanks not yet put */
  int some;      /* something has been put */
  size_t len;
  char buf[1024];
} canon_body;

void canon_body_init(canon_body *b, canon how, canon_put *put, void *to);
void canon_body_add(canon_body *b, char const *s, size_t len);
void canon_body_end(canon_body *b);

#endif
