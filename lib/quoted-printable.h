/* Quoted-printable (RFC 2045 6.7), and RFC 2047's Q. */
#ifndef QUOTED_PRINTABLE_H
#define QUOTED_PRINTABLE_H

#include <stddef.h>

#include <skalibs/stralloc.h>

/* Appends what s says; bad escapes stay as they are. Whole lines only.
   underscore: RFC 2047's Q. 1 or -1. */
int qp_decode(stralloc *out, char const *s, size_t len, int underscore);

#endif
