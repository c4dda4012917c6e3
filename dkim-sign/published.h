/* A public key as the DNS publishes it (RFC 6376 3.6.1, RFC 8463 4). */
#ifndef PUBLISHED_H
#define PUBLISHED_H

#include <stddef.h>

#include "dkim-result.h"
#include "key.h"

#define PUBLISHED_DER 2200 /* bytes of p=: RSA of 16384 bits, to say so */

typedef struct published {
  key_type type;
  unsigned bits;
  int testing; /* t=y */
  int strict;  /* t=s: i= has no subdomain */
  br_rsa_public_key rsa;
  unsigned char der[PUBLISHED_DER]; /* or the 32 bytes of Ed25519 */
} published;

/* Reads a TXT record for a signature with sha256 and a key of that type:
   DKIM_PASS, or what else, and *reason. rsa points into der. testing and
   strict are set wherever the record is a list of tags. */
dkim_result published_scan(published *p, char const *s, size_t len,
                           key_type type, char const **reason);

/* Whether it is the signature of that hash. */
int published_verify(published const *p, unsigned char const *hash,
                     unsigned char const *sig, size_t len);

#endif
