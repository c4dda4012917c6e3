/* Whom a message names in From or Sender (RFC 5322 3.6.2), read strictly: what
   two programs could read differently is no answer. */
#ifndef AUTHOR_H
#define AUTHOR_H

#include <stddef.h>

#include <skalibs/stralloc.h>

#define AUTHOR_MAX 100 /* addresses of one field */

enum {
  AUTHOR_OK = 1,
  AUTHOR_BAD = 0,    /* *why says it, "several From fields" */
  AUTHOR_ABSENT = 2, /* there is no such field */
  AUTHOR_ERROR = -1  /* errno */
};

/* Looks through a header (the lines that are no fields are passed over) for
   the field of that name, of which there must be one. Appends its addresses,
   each with a NUL: local part as it stands, in quotes where it needs them, @,
   domain as lower-case A-labels. Group syntax (RFC 6854), source routes,
   address literals, addresses without a domain and text that belongs to no
   address are AUTHOR_BAD. why lives until the next call. */
int author_read(stralloc *to, char const *header, size_t len, char const *name,
                char const **why);

#endif
