/* MTA-STS policies (RFC 8461): the text of one, and the service that knows
   them. */
#ifndef STS_H
#define STS_H

#include <stddef.h>

#include <skalibs/stralloc.h>

#include "io.h"

#define STS_BYTES 65536     /* most of a policy */
#define STS_YEAR 31557600UL /* most seconds that one lasts (3.2) */
#define STS_ID 32           /* most bytes of its id (3.1) */
#define STS_WHY 200
#define STS_ASK_MS 90000 /* time for the service's answer; a fetch has 60 s */

enum { STS_NONE, STS_TESTING, STS_ENFORCE };

typedef struct sts {
  int mode;
  unsigned long max_age; /* seconds */
  stralloc mx;           /* patterns, each with its NUL */
  char why[STS_WHY];     /* for people: where this was found */
} sts;

#define STS_ZERO                                                               \
  {                                                                            \
    .mx = STRALLOC_ZERO                                                        \
  }

/* Reads the text of a policy: 1; 0: it is none; -1: no memory. */
int sts_read(sts *p, char const *s, size_t len);

/* Whether a host is one of the policy's (4.1): 1 or 0. */
int sts_match(sts const *p, char const *host);

/* Asks sts-fetch -w at socket for the policy of a domain in A-labels. again: a
   host does not fit, so the domain is asked for a newer one first. 1: mode
   STS_NONE if there is none; -1 with errno. */
int sts_ask(sts *p, char const *socket, char const *domain, int again);

/* "none", "testing", "enforce" */
char const *sts_mode(int mode);

#endif
