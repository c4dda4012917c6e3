#include <string.h>

#include "log.h"
#include "policy.h"

/* Best first; SHA-1 is what a client without the extension has (RFC 5246
   7.4.1.4.1). */
static unsigned char const hashes[] = {br_sha256_ID, br_sha384_ID, br_sha512_ID,
                                       br_sha1_ID};

static unsigned hash_for(uint32_t client, unsigned shift)
{
  for (size_t i = 0; i < sizeof hashes; i++)
    if (client >> (hashes[i] + shift) & 1) return hashes[i];
  return 0;
}

static identity *with_key(policy *p, br_ssl_server_context const *c, int type)
{
  for (unsigned i = 0; i < p->n; i++) {
    identity *id = p->each + i;
    if (br_skey_decoder_key_type(&id->decoder) != type) continue;
    if (type == BR_KEYTYPE_EC &&
        !(br_ssl_server_get_client_curves(c) >>
              br_skey_decoder_get_ec(&id->decoder)->curve &
          1))
      continue;
    return id;
  }
  return 0;
}

static void load(policy *p, char const *name)
{
  for (p->n = 0; p->n < IDENTITY_EACH; p->n++) {
    int r = identity_get(p->each + p->n, p->t, name, p->n);
    if (r < 0) log_warnsys("unable to read tls.cdb");
    if (r <= 0) return;
  }
}

static int choose(br_ssl_server_policy_class const **self,
                  br_ssl_server_context const *c, br_ssl_server_choices *to)
{
  policy *p = (policy *)(void *)self;
  size_t n;
  br_suite_translated const *suites = br_ssl_server_get_client_suites(c, &n);
  uint32_t client = br_ssl_server_get_client_hashes(c);
  load(p, br_ssl_engine_get_server_name(&c->eng));
  for (size_t i = 0; i < n; i++) {
    int ec = suites[i][1] >> 12 == BR_SSLKEYX_ECDHE_ECDSA;
    unsigned hash = hash_for(client, ec ? 8 : 0);
    identity *id = with_key(p, c, ec ? BR_KEYTYPE_EC : BR_KEYTYPE_RSA);
    if (!hash || !id) continue;
    to->cipher_suite = suites[i][0];
    to->algo_id = 0xFF00 + hash;
    to->chain = id->chain;
    to->chain_len = id->n;
    p->chosen = id;
    return 1;
  }
  return 0;
}

/* Key exchange without forward secrecy is not offered. */
static uint32_t no_keyx(br_ssl_server_policy_class const **self,
                        unsigned char *data, size_t *len)
{
  (void)self;
  (void)data;
  (void)len;
  return 0;
}

static br_hash_class const *hash_class(unsigned id)
{
  switch (id) {
  case br_sha1_ID: return &br_sha1_vtable;
  case br_sha256_ID: return &br_sha256_vtable;
  case br_sha384_ID: return &br_sha384_vtable;
  case br_sha512_ID: return &br_sha512_vtable;
  default: return 0;
  }
}

static unsigned char const *hash_oid(unsigned id)
{
  switch (id) {
  case br_sha1_ID: return BR_HASH_OID_SHA1;
  case br_sha256_ID: return BR_HASH_OID_SHA256;
  case br_sha384_ID: return BR_HASH_OID_SHA384;
  default: return BR_HASH_OID_SHA512;
  }
}

static size_t sign(br_ssl_server_policy_class const **self, unsigned algo,
                   unsigned char *data, size_t hashlen, size_t len)
{
  policy *p = (policy *)(void *)self;
  unsigned char hash[64];
  unsigned id = algo & 0xFF;
  br_skey_decoder_context *key = &p->chosen->decoder;
  if (hashlen > sizeof hash || !hash_class(id)) return 0;
  memcpy(hash, data, hashlen);
  if (br_skey_decoder_key_type(key) == BR_KEYTYPE_EC) {
    if (len < 139) return 0; /* the longest, of P-521 */
    return br_ecdsa_sign_asn1_get_default()(br_ec_get_default(), hash_class(id),
                                            hash, br_skey_decoder_get_ec(key),
                                            data);
  }
  br_rsa_private_key const *rsa = br_skey_decoder_get_rsa(key);
  size_t n = (rsa->n_bitlen + 7) / 8;
  if (n > len) return 0;
  return br_rsa_pkcs1_sign_get_default()(hash_oid(id), hash, hashlen, rsa, data)
             ? n
             : 0;
}

static br_ssl_server_policy_class const class = {sizeof(policy), choose,
                                                 no_keyx, sign};

void policy_init(policy *p, table *t)
{
  p->vtable = &class;
  p->t = t;
  p->n = 0;
  p->chosen = 0;
}
