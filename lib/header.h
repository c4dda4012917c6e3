/* Header fields of a message (RFC 5322 2.2), LF or CRLF lines. */
#ifndef HEADER_H
#define HEADER_H

#include <stddef.h>

typedef struct header_field {
  char const *s; /* the whole field with its folded lines and last end */
  size_t len;
  size_t namelen;    /* without blanks before the colon */
  char const *value; /* behind the colon */
  size_t valuelen;   /* without the last line end */
} header_field;

/* The field at s: 1; 0: the header ends here (empty line or end of input);
   -1: not a field, s..len is one line that is none. */
int header_next(header_field *f, char const *s, size_t len);

/* Length of the header with its empty line; len if there is none. */
size_t header_size(char const *s, size_t len);

/* The nth (0: first) field of that name in s[0..len): 1 or 0. */
int header_find(header_field *f, char const *s, size_t len, char const *name,
                unsigned nth);

int header_is(header_field const *f, char const *name); /* case-insensitive */

#endif
