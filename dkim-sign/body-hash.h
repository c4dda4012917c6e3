/* The body hashes of all signatures in one pass (RFC 6376 3.7): a body is
   made canonical once for each way, and hashed once for each way and l=. */
#ifndef BODY_HASH_H
#define BODY_HASH_H

#include <stdint.h>

#include <bearssl.h>

#include "canon.h"

#define BODY_HASH_MAX 32
#define BODY_HASH_WAYS (CANON_RELAXED + 1)

typedef struct body_hash {
  uint64_t limit;
  br_sha256_context sha;
  unsigned char hash[br_sha256_SIZE]; /* at the end */
} body_hash;

typedef struct body_way {
  canon_body canon;
  uint64_t size; /* octets of the canonical body so far */
  unsigned n;
  body_hash v[BODY_HASH_MAX];
} body_way;

typedef struct body_hashes {
  body_way way[BODY_HASH_WAYS];
} body_hashes;

void body_hashes_begin(body_hashes *b);

/* Before the body: 1, or 0 if there are too many. */
int body_hashes_want(body_hashes *b, canon how, uint64_t limit);

void body_hashes_add(body_hashes *b, char const *s, size_t len);
void body_hashes_end(body_hashes *b);

/* One that was wanted. */
unsigned char const *body_hashes_get(body_hashes const *b, canon how,
                                     uint64_t limit);

#endif
