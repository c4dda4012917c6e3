#include "rsa-public.h"

#define EXPONENT 4 /* bytes */

unsigned char const rsa_oid[RSA_OID] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
                                        0x0d, 0x01, 0x01, 0x01};

unsigned rsa_bits(der const *n)
{
  unsigned bits = (unsigned)n->len * 8;
  for (unsigned top = n->len ? *n->s : 0x80; top < 0x80; top <<= 1) bits--;
  return bits;
}

static int odd(der const *n)
{
  return n->len && n->s[n->len - 1] & 1;
}

/* RSAPublicKey's two numbers */
static int numbers(br_rsa_public_key *k, der d)
{
  der n, e;
  if (!der_take_unsigned(&d, &n) || !der_take_unsigned(&d, &e) || d.len)
    return 0;
  if (!odd(&n) || !odd(&e) || e.len > EXPONENT || rsa_bits(&e) < 2) return 0;
  *k = (br_rsa_public_key){(unsigned char *)n.s, n.len, (unsigned char *)e.s,
                           e.len};
  return 1;
}

int rsa_public_scan(br_rsa_public_key *k, der d)
{
  der algorithm, oid, bits, all;
  if (!der_take(&d, DER_SEQUENCE, &all) || d.len) return 0;
  d = all;
  if (!der_take(&d, DER_SEQUENCE, &algorithm)) return numbers(k, all);
  if (!der_take(&algorithm, DER_OID, &oid) || !der_is(&oid, rsa_oid, RSA_OID))
    return 0;
  if (!der_take(&d, DER_BITS, &bits) || d.len || !bits.len || *bits.s) return 0;
  bits.s++, bits.len--;
  if (!der_take(&bits, DER_SEQUENCE, &all) || bits.len) return 0;
  return numbers(k, all);
}
