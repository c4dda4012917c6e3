#include <string.h>

#include "published.h"
#include "rsa-public.h"
#include "tag-list.h"

static dkim_result because(char const **reason, dkim_result r, char const *why)
{
  *reason = why;
  return r;
}

/* v= stands first and is DKIM1: other records may share the name */
static int versioned(tag_list const *t)
{
  tag const *v = tag_find(t, "v");
  return !v || (v == t->v && tag_is(v, "DKIM1"));
}

static int for_mail(tag_list const *t)
{
  tag const *s = tag_find(t, "s");
  return !s || tag_has(s, "*") || tag_has(s, "email");
}

static int for_sha256(tag_list const *t)
{
  tag const *h = tag_find(t, "h");
  return !h || tag_has(h, "sha256");
}

static int for_type(tag_list const *t, key_type type)
{
  tag const *k = tag_find(t, "k");
  if (!k) return type == KEY_RSA;
  return tag_is(k, type == KEY_RSA ? "rsa" : "ed25519");
}

static void flags(published *p, tag_list const *t)
{
  tag const *f = tag_find(t, "t");
  p->testing = f && tag_has(f, "y");
  p->strict = f && tag_has(f, "s");
}

static dkim_result read_rsa(published *p, size_t n, char const **reason)
{
  der d = {p->der, n}, modulus;
  if (!rsa_public_scan(&p->rsa, d))
    return because(reason, DKIM_PERMERROR, "the key is no RSA key");
  modulus = (der){p->rsa.n, p->rsa.nlen};
  p->bits = rsa_bits(&modulus);
  if (p->bits < KEY_BITS_MIN)
    return because(reason, DKIM_POLICY, "the key has less than 1024 bits");
  if (p->bits > KEY_BITS_MAX)
    return because(reason, DKIM_NEUTRAL, "the key has more than 4096 bits");
  return DKIM_PASS;
}

static dkim_result read_key(published *p, tag const *t, char const **reason)
{
  size_t n;
  if (!t) return because(reason, DKIM_PERMERROR, "the key record has no p=");
  if (!t->len) return because(reason, DKIM_PERMERROR, "the key is revoked");
  if (!tag_base64(t, p->der, sizeof p->der, &n))
    return because(reason, DKIM_PERMERROR, "p= of the key is no base64");
  if (p->type == KEY_RSA) return read_rsa(p, n, reason);
  p->bits = 8 * crypto_sign_PUBLICKEYBYTES;
  if (n != crypto_sign_PUBLICKEYBYTES)
    return because(reason, DKIM_PERMERROR, "the key is no Ed25519 key");
  return DKIM_PASS;
}

dkim_result published_scan(published *p, char const *s, size_t len,
                           key_type type, char const **reason)
{
  tag_list t;
  p->type = type;
  p->testing = p->strict = 0;
  if (!tag_list_scan(&t, s, len) || !versioned(&t))
    return because(reason, DKIM_PERMERROR, "the record is no DKIM key");
  flags(p, &t);
  if (!for_mail(&t))
    return because(reason, DKIM_PERMERROR, "the key is not for mail");
  if (!for_sha256(&t))
    return because(reason, DKIM_PERMERROR, "the key is not for sha256");
  if (!for_type(&t, type))
    return because(reason, DKIM_PERMERROR, "the key is of another type");
  return read_key(p, tag_find(&t, "p"), reason);
}

int published_verify(published const *p, unsigned char const *hash,
                     unsigned char const *sig, size_t len)
{
  static br_rsa_pkcs1_vrfy verify; /* chosen once: choosing may cost CPUID */
  unsigned char back[KEY_HASH];
  if (p->type == KEY_ED25519)
    return len == crypto_sign_BYTES &&
           !crypto_sign_verify_detached(sig, hash, KEY_HASH, p->der);
  if (!verify) verify = br_rsa_pkcs1_vrfy_get_default();
  return verify(sig, len, BR_HASH_OID_SHA256, KEY_HASH, &p->rsa, back) &&
         !memcmp(hash, back, KEY_HASH);
}
