/* The hash that a signature signs (RFC 6376 3.7): fields of the header, then
   the DKIM-Signature field itself with an empty b=. */
#ifndef HEAD_HASH_H
#define HEAD_HASH_H

#include <bearssl.h>
#include <skalibs/stralloc.h>

#include "canon.h"

#define HEAD_HASH_NAMES 400 /* most names in h= */

typedef struct head_hash {
  canon how;
  br_sha256_context sha;
  stralloc text;
} head_hash;

void head_hash_begin(head_hash *h, canon how);

/* 1, or -1 with ENOMEM. */
int head_hash_field(head_hash *h, char const *s, size_t len);

/* The last field; hash[KEY_HASH]. 1 or -1; frees in any case. */
int head_hash_end(head_hash *h, char const *own, size_t len,
                  unsigned char *hash);

#endif
