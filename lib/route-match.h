/* Addresses by regular expression: POSIX ERE (regex(7)), matched against the
   whole key of an address, case-insensitive. The texts come from tables, the
   addresses from anybody: what a match may cost is bounded by what a pattern
   may be (no references back, few repetitions) and by ADDR_MAX. Nothing stays
   compiled, since what glibc notes while it matches is never given back. */
#ifndef ROUTE_MATCH_H
#define ROUTE_MATCH_H

#include <stddef.h>

#include <skalibs/stralloc.h>

#define MATCH_PATTERN 255  /* bytes of one ERE */
#define MATCH_PATTERNS 100 /* of one kind in a table */
#define MATCH_REPEATS 100  /* all counts {m,n} of one ERE multiplied */

/* Whether a table may hold it: 0, or why not (valid until the next call).
 *groups becomes the highest \N that a target may have. */
char const *match_check(char const *ere, unsigned *groups);

/* The same for a target: \N and $N within groups. */
char const *match_check_target(char const *target, size_t len, unsigned groups);

/* Appends target with what it refers to filled in. m: groups+1 pairs of where
   they begin and end in s. 1 or -1. Only made by match_first and tests. */
typedef struct match_span {
  int from, to; /* -1: took no part */
} match_span;
int match_fill(stralloc *out, char const *target, size_t len, char const *s,
               match_span const *m, unsigned groups);

/* The first entry of list that matches s. list is as in mail.cdb(5): ERE, NUL,
   targets with a NUL behind each, NUL. Targets become out, joined by NUL; one
   that would begin with : by what was filled in is left out. 1, *ere is in
   list; 0; -1 with errno (EPROTO: a bad list). */
int match_first(char const *list, size_t len, char const *s, stralloc *out,
                char const **ere);

#endif
