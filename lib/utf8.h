/* UTF-8 (RFC 3629), strictly: no overlong forms, no surrogates. */
#ifndef UTF8_H
#define UTF8_H

#include <stddef.h>

/* Bytes of the character at s: 1 for ASCII, 0 if it is none. */
size_t utf8_char(char const *s, size_t len);

/* Whether all of it is UTF-8. */
int utf8_valid(char const *s, size_t len);

#endif
