/* The hashes of rewritten senders. Inside lib/srs.c. */
#ifndef SRS_HASH_H
#define SRS_HASH_H

#include <stddef.h>

#include "table.h"

#define SRS_HASH 28 /* bytes that one may have */

/* Of kind ('0' or '1') and the text behind the hash, by the first secret: its
   length, or -1 with errno (EPROTO: no secret). */
int srs_hash_make(table *secrets, char kind, char const *s, size_t len,
                  char to[SRS_HASH]);

/* Whether one of the secrets made it: 1, 0, -1. */
int srs_hash_check(table *secrets, char kind, char const *s, size_t len,
                   char const *theirs, size_t n);

#endif
