/* Tag lists (RFC 6376 3.2), written as a folded header field: a line has at
   most 78 columns where its words allow it, a tab counting as eight. */
#ifndef TAGS_H
#define TAGS_H

#include <stddef.h>

#include <skalibs/stralloc.h>

#define TAGS_COLUMNS 78

typedef struct tags {
  stralloc *out;
  size_t column;
  int first; /* no tag has been written */
} tags;

/* "NAME:" */
int tags_begin(tags *t, stralloc *out, char const *field);

/* "; NAME=VALUE" with the value on one line. 1, or -1 with ENOMEM. */
int tags_put(tags *t, char const *name, char const *value);
int tags_put_number(tags *t, char const *name, unsigned long long value);

/* A tag whose value grows: tags_open, then any number of tags_more, each of
   which is a word that may begin a new line (FWS in b= and around the colons
   of h= is no part of the value). */
int tags_open(tags *t, char const *name);
int tags_more(tags *t, char const *word, size_t len);

/* base64 cut into words at the ends of lines */
int tags_more_base64(tags *t, char const *s, size_t len);

#endif
