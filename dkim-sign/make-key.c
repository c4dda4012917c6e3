#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "make-key.h"

#define EXPONENT 65537 /* RFC 6376 3.3.1 */

/* OneAsymmetricKey, version 0, id-Ed25519, before the 32 bytes of the seed */
static unsigned char const ed25519_prefix[] = {
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
    0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};

static size_t make_ed25519(unsigned char *der)
{
  unsigned char *seed = der + sizeof ed25519_prefix;
  memcpy(der, ed25519_prefix, sizeof ed25519_prefix);
  if (getrandom(seed, crypto_sign_SEEDBYTES, 0) != crypto_sign_SEEDBYTES)
    return 0;
  return sizeof ed25519_prefix + crypto_sign_SEEDBYTES;
}

/* Seeded by the kernel: BearSSL's own seeder uses RDRAND and nothing else */
static size_t make_rsa(unsigned char *der, unsigned bits)
{
  static unsigned char private[BR_RSA_KBUF_PRIV_SIZE(KEY_BITS_MAX)];
  static unsigned char public[BR_RSA_KBUF_PUB_SIZE(KEY_BITS_MAX)];
  static unsigned char d[KEY_BITS_MAX / 8];
  unsigned char seed[64];
  br_hmac_drbg_context random;
  br_rsa_private_key sk;
  br_rsa_public_key pk;
  size_t dlen, len = 0;
  if (getrandom(seed, sizeof seed, 0) != sizeof seed) return 0;
  br_hmac_drbg_init(&random, &br_sha256_vtable, seed, sizeof seed);
  errno = EIO;
  if (br_rsa_keygen_get_default()(&random.vtable, &sk, private, &pk, public,
                                  bits, EXPONENT)) {
    dlen = br_rsa_compute_privexp_get_default()(d, &sk, EXPONENT);
    if (dlen) len = br_encode_rsa_pkcs8_der(der, &sk, &pk, d, dlen);
  }
  sodium_memzero(seed, sizeof seed);
  sodium_memzero(&random, sizeof random);
  sodium_memzero(private, sizeof private);
  sodium_memzero(d, sizeof d);
  return len;
}

int make_key(char *pem, size_t *len, key_type type, unsigned bits)
{
  unsigned char der[KEY_DER_MAX];
  size_t n;
  if (sodium_init() < 0) return errno = EIO, -1;
  n = type == KEY_RSA ? make_rsa(der, bits) : make_ed25519(der);
  if (n) *len = br_pem_encode(pem, der, n, "PRIVATE KEY", BR_PEM_LINE64);
  sodium_memzero(der, sizeof der);
  return n ? 1 : -1;
}
