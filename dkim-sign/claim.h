/* What a DKIM-Signature field claims (RFC 6376 3.5, RFC 8616). */
#ifndef CLAIM_H
#define CLAIM_H

#include <stdint.h>

#include "canon.h"
#include "dkim-result.h"
#include "domain-tag.h"
#include "head.h"
#include "key.h"
#include "tag-list.h"

#define CLAIM_LOCAL 254 /* bytes of the local part of i= */

typedef struct claim {
  head_field const *field;
  /* To show, whatever is wrong; empty where it cannot be read. */
  char domain[DOMAIN_TAG + 1], selector[DOMAIN_TAG + 1]; /* as domain_tag */
  char auid[CLAIM_LOCAL + 1 + DOMAIN_TAG + 1]; /* i=: its domain likewise */
  char algorithm[32];
  char start[8 + 1]; /* of b=: RFC 6008 */

  key_type type;
  canon head, body;
  tag h, b;       /* point into the field */
  uint64_t limit; /* l=, else UINT64_MAX */
  uint64_t made;  /* t=, else 0 */
  uint64_t until; /* x=, else UINT64_MAX */
  unsigned char bodyhash[KEY_HASH];
  unsigned char sig[KEY_SIGNATURE_MAX];
  size_t siglen;
} claim;

/* Reads a field of a finished head, which must stay. DKIM_PASS: it can be
   verified; else *reason. DKIM_TEMPERROR: no memory. */
dkim_result claim_scan(claim *c, head_field const *f, char const **reason);

/* How often h= has that name. */
size_t claim_count(claim const *c, char const *name, size_t len);

/* The hash that is signed: 1, or -1 with ENOMEM. */
int claim_hash(claim const *c, head const *h, unsigned char *hash);

#endif
