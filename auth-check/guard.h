/* Who guesses passwords: failures of each address and of each account are
   counted (buckets.h). One from which an account was right before is counted
   on its own, so that nobody else can lock its owner out there, nor the
   owner's forgotten telephone the neighbours. */
#ifndef GUARD_H
#define GUARD_H

#include "addr.h"
#include "buckets.h"
#include "net.h"

typedef struct guard {
  int charged; /* an attempt is taken that must be given back */
  int known;
  int addressed;                         /* there is an IP */
  char key[NET_KEY + 2 * ADDR_MAX + 16]; /* network, then account */
  size_t len;
} guard;

/* path 0: in memory. 1 or -1. */
int guards_init(char const *path, bucket_rate ip, bucket_rate account);

/* Before a check, which counts as a failure until it is over: 1, or 0 if the
   password must not be looked at. */
int guard_begin(guard *g, char const *ip, char const *name);

/* It was right; it could not be told. */
void guard_right(guard *g);
void guard_undo(guard *g);

/* Times the delay of a first failure. */
unsigned guard_delay(guard const *g);

#endif
