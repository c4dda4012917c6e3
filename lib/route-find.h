/* One step of route.h: what mail.cdb says of one address of ours. */
#ifndef ROUTE_FIND_H
#define ROUTE_FIND_H

#include <stddef.h>

#include <skalibs/stralloc.h>

#include "table.h"

enum { ROUTE_NOTHING, ROUTE_ALIAS, ROUTE_ACCOUNT };

typedef struct route_step {
  stralloc key;    /* of the last look-up; behind its first byte, the account */
  stralloc local;  /* unquoted, case-folded */
  stralloc domain; /* as in the table */
  char const *targets; /* of an alias, joined by NUL */
  size_t targetslen;
  stralloc made;   /* targets that a pattern made */
  char const *how; /* which entry it was: words, then key or pattern */
  char const *pattern;
} route_step;

#define ROUTE_STEP_ZERO                                                        \
  {                                                                            \
    .targets = 0                                                               \
  }

void route_step_free(route_step *s);

/* Fills in local and domain; key is an addr_key: 1, 0 (EINVAL), -1. */
int route_step_init(route_step *s, char const *key, size_t len);

/* ROUTE_ALIAS with targets, ROUTE_ACCOUNT with key "uNAME", ROUTE_NOTHING, or
   -1 with errno. Order: the address, the address less its tag, both local
   parts alone, then the account, then patterns, then the domain's catch-all;
   but an account whose name has the tag in it comes before aliases for the
   rest. */
int route_find(table *t, route_step *s);

/* How long the local part is without its tag: all of it if there is none. 1 or
   -1 */
int route_untagged(table *t, route_step *s, size_t *n);

/* Appends local[0..n)@domain: 1 or -1 */
int route_step_key(route_step const *s, size_t n, stralloc *to);

/* Only the account of that address, with or without its tag. */
int route_find_account(table *t, route_step *s);

#endif
