/* Inside mime*.c: reading the file and the tokens of header fields. */
#ifndef MIME_IN_H
#define MIME_IN_H

#include "mime.h"

#define MIME_WINDOW (2 * MIME_FIELD)
#define MIME_BOUNDARY 250 /* RFC 2046 5.1.1 allows 70; compared no further */
#define MIME_PARAMS 100   /* parameters of one field that are looked at */

/* The bytes from pos on: at least want (at most MIME_WINDOW) of them unless
   the file ends before. Valid until the next call. 1 or -1. */
int mime_window(mime *m, uint64_t pos, size_t want, char const **s,
                size_t *len);

/* The line at pos with its end; a line longer than MIME_FIELD comes in pieces,
   ended says whether this is the last. A CR is never torn from its LF. 1, 0
   at limit (which ends the last line too), -1. */
typedef struct mime_line {
  char const *s;
  size_t len;
  uint8_t ended, crlf;
} mime_line;
int mime_line_get(mime *m, uint64_t pos, uint64_t limit, mime_line *l);

/* The fields of the header [pos, end). A field longer than MIME_FIELD is cut. A
   line that is no field has namelen 0 and is all value. 1; 0 at the empty
   line or end; -1. What f points to is valid until the next read. */
typedef struct mime_fields {
  mime *m;
  uint64_t pos, end;
  uint8_t cut, inside; /* the rest of the last field is still to be skipped */
} mime_fields;
typedef struct mime_field {
  char const *s; /* the whole field */
  size_t len;
  size_t namelen;
  char const *value; /* behind the colon, with folds, without its last end */
  size_t valuelen;
} mime_field;
int mime_field_next(mime_fields *i, mime_field *f);
int mime_field_is(mime_field const *f, char const *name);

/* Tokens of structured fields (RFC 2045 5.1), comments skipped. */
typedef struct mime_lex {
  char const *s, *end;
} mime_lex;
int mime_lex_skip(mime_lex *l); /* next character behind blanks, or -1 */
int mime_lex_token(mime_lex *l, stralloc *out); /* 1, 0 none, -1 */

/* A field "value; name=value; …": Content-Type (slash: type and subtype) or
   Content-Disposition. All strings lie in text; param_merge joins RFC 2231's
   continuations as IMAP servers should (RFC 2231 6). */
typedef struct mime_param {
  size_t name, value; /* in text, NUL-terminated */
  size_t valuelen;
} mime_param;
typedef struct mime_params {
  stralloc text;
  size_t type, subtype; /* in text; both "" if it is nonsense */
  unsigned n;
  mime_param v[MIME_PARAMS];
} mime_params;
int mime_params_read(mime_params *p, char const *s, size_t len, int slash);
int mime_params_join(mime_params *p); /* RFC 2231 3; by mime_params_read */
mime_param const *mime_params_get(mime_params const *p, char const *name);
void mime_params_free(mime_params *p);

/* The value of a field of a part's header into out (emptied first). Of doubled
   ones the first or the last: Content-Type is the first (what the tree was
   made of), all others are the last. 1, 0 none, -1. */
int mime_part_field(mime *m, mime_part const *p, char const *name, int last,
                    stralloc *out);

#endif
