/* A private key that signs, from a PEM file: PKCS#8 (RFC 5958) with RSA or
   Ed25519 (RFC 8410), or PKCS#1's "RSA PRIVATE KEY". */
#ifndef KEY_H
#define KEY_H

#include <stddef.h>

#include <bearssl.h>
#include <sodium.h>
#include <skalibs/stralloc.h>

#define KEY_FILE_MAX 16384 /* bytes of a key file */
#define KEY_BITS_MIN 1024  /* RFC 8301 3.2 */
#define KEY_BITS_MAX 4096  /* what BearSSL can do */
#define KEY_DER_MAX 4096
#define KEY_SIGNATURE_MAX (KEY_BITS_MAX / 8)
#define KEY_HASH 32 /* SHA-256 */

typedef enum key_type { KEY_ED25519, KEY_RSA } key_type;

/* The numbers of an RSA key are pointers into der: a key stays where it was
   read and is never copied. */
typedef struct key {
  key_type type;
  unsigned bits;
  br_rsa_private_key rsa;
  br_rsa_public_key public;
  unsigned char ed25519[crypto_sign_SECRETKEYBYTES];
  unsigned char der[KEY_DER_MAX];
} key;

/* Reads the first private key in s[0..len) and signs once with it to see that
   its parts fit. 1; 0 with errno EINVAL (not such a file, or a damaged key),
   ENOTSUP (another kind of key, too short or too long). */
int key_read(key *k, char const *s, size_t len);
void key_forget(key *k);

/* "rsa-sha256", "ed25519-sha256" */
char const *key_algorithm(key const *k);

/* Signs a hash; returns the signature's length, 0 if that cannot be. */
size_t key_sign(key const *k, unsigned char const *hash, unsigned char *to);

/* Appends the text of the DNS record (RFC 6376 3.6.1, 8463 4.2). 1 or -1. */
int key_record(stralloc *out, key const *k);

#endif
