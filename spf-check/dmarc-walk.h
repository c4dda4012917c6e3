/* The DNS tree walk (RFC 9989 4.10): from a domain to the top, at most
   DMARC_QUERIES names, in two rounds: the domain itself, then all above it. */
#ifndef DMARC_WALK_H
#define DMARC_WALK_H

#include <stddef.h>

#include "dmarc-record.h"
#include "io.h"

#define DMARC_QUERIES 8
#define DMARC_DOMAIN                                                           \
  256                  /* a domain as A-labels in lower case, with its NUL     \
                        */
#define DMARC_CACHE 64 /* names that are asked for once per message */

enum dmarc_found { DMARC_UNASKED, DMARC_NOTHING, DMARC_FOUND, DMARC_FAILED };

typedef struct dmarc_level {
  char const *domain; /* in the walk's */
  enum dmarc_found found;
  int exists; /* a name below it does, so it does; 0: not known */
  dmarc_record record;
} dmarc_level;

typedef struct dmarc_walk {
  char domain[DMARC_DOMAIN];
  unsigned n;
  dmarc_level level[DMARC_QUERIES]; /* the domain itself first */
} dmarc_walk;

/* What one message has asked for. */
typedef struct dmarc_cache {
  unsigned n;
  struct dmarc_known {
    char domain[DMARC_DOMAIN];
    dmarc_level level;
  } v[DMARC_CACHE];
} dmarc_cache;

/* domain: less than DMARC_DOMAIN bytes. Asks nothing. */
void dmarc_walk_begin(dmarc_walk *w, char const *domain);

/* Asks for the domain itself. */
void dmarc_walk_first(dmarc_walk *w, dmarc_cache *c, io_time deadline);

/* Asks for all that is left, unless psd=y or psd=n ends the walk before. */
void dmarc_walk_rest(dmarc_walk *w, dmarc_cache *c, io_time deadline);

/* How many levels count: those up to the one that ends the walk. */
unsigned dmarc_walk_length(dmarc_walk const *w);

/* Whether any that counts has failed. */
int dmarc_walk_failed(dmarc_walk const *w);

/* Then the organization is this or below it, whatever the answer is. */
char const *dmarc_walk_top(dmarc_walk const *w);

/* The organizational domain (4.10.2), a tail of the walk's domain. *psd is the
   level of a public suffix above it, or 0. After dmarc_walk_rest. */
char const *dmarc_walk_organization(dmarc_walk const *w,
                                    dmarc_level const **psd);

/* The level of that domain, or 0. */
dmarc_level const *dmarc_walk_level(dmarc_walk const *w, char const *domain);

#endif
