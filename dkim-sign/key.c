#include <errno.h>
#include <string.h>

#include "base64.h"
#include "der.h"
#include "key.h"
#include "rsa-public.h"

static unsigned char const oid_ed25519[] = {0x2b, 0x65, 0x70};

/* The text between BEGIN label and END label: 1 or 0 */
static int pem_body(char const *s, size_t len, char const *label,
                    char const **body, size_t *bodylen)
{
  char const *begin = memmem(s, len, label, strlen(label)), *end;
  if (!begin) return 0;
  begin += strlen(label);
  end = memmem(begin, len - (size_t)(begin - s), "-----END ", 9);
  if (!end) return 0;
  *body = begin;
  *bodylen = (size_t)(end - begin);
  return 1;
}

/* libsodium decodes in constant time and straight to where the key stays */
static int pem_decode(key *k, char const *s, size_t len, der *d)
{
  size_t n;
  if (sodium_base642bin(k->der, sizeof k->der, s, len, " \t\r\n", &n, 0,
                        sodium_base64_VARIANT_ORIGINAL) < 0)
    return 0;
  *d = (der){k->der, n};
  return 1;
}

/* RSAPrivateKey (RFC 8017 A.1.2). The modulus is read, not computed:
   br_rsa_compute_modulus of BearSSL 0.6 writes too far with 4096 bits. */
static int read_rsa(key *k, der d)
{
  der n, e, p[6];
  if (!der_take(&d, DER_SEQUENCE, &d)) return 0;
  if (!der_take_unsigned(&d, &n) || n.len) return 0; /* two-prime: 0 */
  if (!der_take_unsigned(&d, &n) || !der_take_unsigned(&d, &e)) return 0;
  for (unsigned i = 0; i < 6; i++)
    if (!der_take_unsigned(&d, p + i) || !p[i].len) return 0;
  k->type = KEY_RSA;
  k->bits = rsa_bits(&n);
  if (k->bits < KEY_BITS_MIN || k->bits > KEY_BITS_MAX)
    return errno = ENOTSUP, 0;
  for (unsigned i = 1; i < 6; i++)
    if (p[i].len > KEY_BITS_MAX / 16 + 8) return errno = ENOTSUP, 0;
  k->public = (br_rsa_public_key){(unsigned char *)n.s, n.len,
                                  (unsigned char *)e.s, e.len};
  k->rsa = (br_rsa_private_key){
      k->bits,  (unsigned char *)p[1].s, p[1].len, (unsigned char *)p[2].s,
      p[2].len, (unsigned char *)p[3].s, p[3].len, (unsigned char *)p[4].s,
      p[4].len, (unsigned char *)p[5].s, p[5].len,
  };
  return 1;
}

static int read_ed25519(key *k, der d)
{
  unsigned char public[crypto_sign_PUBLICKEYBYTES];
  if (!der_take(&d, DER_OCTETS, &d) || d.len != crypto_sign_SEEDBYTES) return 0;
  k->type = KEY_ED25519;
  k->bits = 256;
  crypto_sign_seed_keypair(public, k->ed25519, d.s);
  return 1;
}

/* OneAsymmetricKey (RFC 5958 2); attributes behind the key are ignored */
static int read_pkcs8(key *k, der d)
{
  der version, algorithm, oid, private;
  if (!der_take(&d, DER_SEQUENCE, &d)) return 0;
  if (!der_take_unsigned(&d, &version) || version.len > 1) return 0;
  if (!der_take(&d, DER_SEQUENCE, &algorithm)) return 0;
  if (!der_take(&algorithm, DER_OID, &oid)) return 0;
  if (!der_take(&d, DER_OCTETS, &private)) return 0;
  if (der_is(&oid, rsa_oid, RSA_OID)) return read_rsa(k, private);
  if (der_is(&oid, oid_ed25519, sizeof oid_ed25519))
    return read_ed25519(k, private);
  return errno = ENOTSUP, 0;
}

/* A CRT signature with one wrong part gives the key away: it must verify */
static int signs(key const *k)
{
  unsigned char hash[KEY_HASH] = "rohrpost", back[KEY_HASH];
  unsigned char sig[KEY_SIGNATURE_MAX];
  size_t n = key_sign(k, hash, sig);
  if (k->type != KEY_RSA) return n != 0;
  return n &&
         br_rsa_pkcs1_vrfy_get_default()(sig, n, BR_HASH_OID_SHA256, KEY_HASH,
                                         &k->public, back) &&
         !memcmp(hash, back, KEY_HASH);
}

int key_read(key *k, char const *s, size_t len)
{
  static char const pkcs8[] = "-----BEGIN PRIVATE KEY-----";
  static char const pkcs1[] = "-----BEGIN RSA PRIVATE KEY-----";
  char const *body;
  size_t bodylen;
  der d;
  int good = 0;
  if (sodium_init() < 0) return errno = EIO, 0;
  errno = EINVAL;
  if (pem_body(s, len, pkcs8, &body, &bodylen))
    good = pem_decode(k, body, bodylen, &d) && read_pkcs8(k, d);
  else if (pem_body(s, len, pkcs1, &body, &bodylen))
    good = pem_decode(k, body, bodylen, &d) && read_rsa(k, d);
  if (good && !signs(k)) good = 0, errno = EINVAL;
  if (!good) {
    int e = errno == ENOTSUP ? ENOTSUP : EINVAL;
    key_forget(k);
    errno = e;
  }
  return good;
}

void key_forget(key *k)
{
  sodium_memzero(k, sizeof *k);
}

char const *key_algorithm(key const *k)
{
  return k->type == KEY_RSA ? "rsa-sha256" : "ed25519-sha256";
}

size_t key_sign(key const *k, unsigned char const *hash, unsigned char *to)
{
  static br_rsa_pkcs1_sign rsa_sign; /* chosen once: choosing may cost CPUID */
  unsigned long long n;
  if (k->type == KEY_ED25519)
    return crypto_sign_detached(to, &n, hash, KEY_HASH, k->ed25519) < 0
               ? 0
               : (size_t)n;
  if (!rsa_sign) rsa_sign = br_rsa_pkcs1_sign_get_default();
  if (!rsa_sign(BR_HASH_OID_SHA256, hash, KEY_HASH, &k->rsa, to)) return 0;
  return (k->bits + 7) / 8;
}

/* SubjectPublicKeyInfo (RFC 5280 4.1), as verifiers expect it in p= and RFC
   8463 A.2 shows it, though RFC 6376 3.6.1 speaks of RSAPublicKey */
static size_t public_info(key const *k, unsigned char *buf, size_t size)
{
  der n = {k->public.n, k->public.nlen}, e = {k->public.e, k->public.elen};
  der_out out = {buf, size, 0};
  size_t before;
  der_put_unsigned(&out, &e);
  der_put_unsigned(&out, &n);
  der_wrap(&out, DER_SEQUENCE, size);
  der_put(&out, "", 1);
  der_wrap(&out, DER_BITS, size);
  before = out.at;
  der_wrap(&out, DER_NULL, before);
  der_put(&out, rsa_oid, RSA_OID);
  der_wrap(&out, DER_OID, before - 2);
  der_wrap(&out, DER_SEQUENCE, before);
  der_wrap(&out, DER_SEQUENCE, size);
  return out.full ? size : out.at;
}

int key_record(stralloc *out, key const *k)
{
  unsigned char info[KEY_BITS_MAX / 8 + 64];
  size_t at;
  if (k->type == KEY_ED25519) {
    if (!stralloc_cats(out, "v=DKIM1; k=ed25519; p=")) return -1;
    return base64_encode(out, k->ed25519 + crypto_sign_SEEDBYTES,
                         crypto_sign_PUBLICKEYBYTES);
  }
  if (!stralloc_cats(out, "v=DKIM1; h=sha256; k=rsa; p=")) return -1;
  at = public_info(k, info, sizeof info);
  return base64_encode(out, info + at, sizeof info - at);
}
