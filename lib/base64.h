/* Base64 (RFC 4648), quoted-printable (RFC 2045 6.7). */
#ifndef BASE64_H
#define BASE64_H

#include <stddef.h>

#include <skalibs/stralloc.h>

/* Appends, without line breaks, padded. 1 or -1. */
int base64_encode(stralloc *out, void const *s, size_t len);

/* Strict: whole groups, padding, nothing else. Appends; 1, 0 (EINVAL), -1. */
int base64_decode(stralloc *out, char const *s, size_t len);

/* As mail has it: line breaks and junk skipped, a missing end forgiven.
   State between calls in *acc (0 first), so that bodies stream. 1 or -1. */
int base64_decode_mail(stralloc *out, char const *s, size_t len, unsigned *acc);

/* Quoted-printable; bad escapes stay as they are. Whole lines only.
   underscore: RFC 2047's Q. 1 or -1. */
int qp_decode(stralloc *out, char const *s, size_t len, int underscore);

/* Lines of at most 76, CRLF line ends kept. 1 or -1. */
int qp_encode(stralloc *out, char const *s, size_t len);

#endif
