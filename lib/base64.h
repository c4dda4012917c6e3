/* Base64 (RFC 4648). */
#ifndef BASE64_H
#define BASE64_H

#include <stddef.h>

#include <skalibs/stralloc.h>

/* Appends, without line breaks, padded. 1 or -1. */
int base64_encode(stralloc *out, void const *s, size_t len);

/* Whether s is base64 without anything else: whole groups, "" too. */
int base64_valid(char const *s);

/* Decodes as mail has it (RFC 2045 6.8): line breaks and junk skipped, a
   missing end forgiven. State between calls in *acc (0 first), so that bodies
   stream. 1 or -1. */
int base64_decode_mail(stralloc *out, char const *s, size_t len, unsigned *acc);

#endif
