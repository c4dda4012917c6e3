/* RSA public keys in DER. */
#ifndef RSA_PUBLIC_H
#define RSA_PUBLIC_H

#include <bearssl.h>

#include "der.h"

#define RSA_OID 9
extern unsigned char const rsa_oid[RSA_OID]; /* rsaEncryption, RFC 8017 A.1 */

/* Bits of a number without leading zeros. */
unsigned rsa_bits(der const *n);

/* SubjectPublicKeyInfo (RFC 5280 4.1), which everybody publishes, or the bare
   RSAPublicKey (RFC 8017 A.1.1) of RFC 6376 3.6.1. The numbers stay where they
   are. Even moduli and exponents, and exponents of more than 32 bits, which
   cost as much time as they are long, are no keys. 1 or 0. */
int rsa_public_scan(br_rsa_public_key *k, der d);

#endif
