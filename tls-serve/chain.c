#include <string.h>

#include "chain.h"

#define MIN_RSA 256 /* bytes of modulus */

static int same(der const *a, der const *b)
{
  return a->len == b->len && !memcmp(a->s, b->s, a->len);
}

int chain_sort(chain *c, der const *certs, unsigned n)
{
  der_certificate parts[CHAIN_CERTS] = {0};
  int used[CHAIN_CERTS] = {1};
  for (unsigned i = 0; i < n; i++)
    if (!der_certificate_read(parts + i, certs[i].s, certs[i].len)) return 0;
  c->certs[0] = certs[0];
  c->parts[0] = parts[0];
  for (c->n = 1; c->n < n; c->n++) {
    der const *issuer = &c->parts[c->n - 1].issuer;
    unsigned i = 0;
    while (i < n && (used[i] || !same(&parts[i].subject, issuer))) i++;
    if (i == n) break;
    used[i] = 1;
    c->certs[c->n] = certs[i];
    c->parts[c->n] = parts[i];
  }
  return 1;
}

void anchors_add(anchors *a, der const *name, der const *certificate)
{
  br_x509_decoder_context *d = a->decoders + a->n;
  br_x509_pkey *key;
  if (a->n == CHAIN_ANCHORS) return;
  br_x509_decoder_init(d, 0, 0);
  br_x509_decoder_push(d, certificate->s, certificate->len);
  key = br_x509_decoder_get_pkey(d);
  if (!key) return;
  /* BearSSL only reads the name. */
  a->v[a->n++] = (br_x509_trust_anchor){
      .dn = {(unsigned char *)(uintptr_t)name->s, name->len},
      .flags = BR_X509_TA_CA,
      .pkey = *key};
}

int anchors_find(anchors *a, chain const *c, trust const *from)
{
  char key[CHAIN_SUBJECT];
  size_t n = from->prefix_len;
  if (n > sizeof key) return 1;
  memcpy(key, from->prefix, n);
  for (unsigned i = 0; i < c->n; i++) {
    der const *issuer = &c->parts[i].issuer;
    char const *s;
    size_t len;
    if (issuer->len > sizeof key - n) continue;
    memcpy(key + n, issuer->s, issuer->len);
    for (unsigned nth = 0; a->n < CHAIN_ANCHORS; nth++) {
      int r = table_get_nth(from->t, key, n + issuer->len, nth, &s, &len);
      if (r < 0) return -1;
      if (r == 0) break;
      anchors_add(a, issuer, &(der){(unsigned char const *)s, len});
    }
  }
  return 1;
}

unsigned chain_validate(chain const *c, anchors const *a, char const *host)
{
  static br_x509_minimal_context m;
  br_x509_class const **x = &m.vtable;
  br_x509_minimal_init(&m, &br_sha256_vtable, a->v, a->n);
  br_x509_minimal_set_rsa(&m, br_rsa_pkcs1_vrfy_get_default());
  br_x509_minimal_set_ecdsa(&m, br_ec_get_default(),
                            br_ecdsa_vrfy_asn1_get_default());
  br_x509_minimal_set_hash(&m, br_sha256_ID, &br_sha256_vtable);
  br_x509_minimal_set_hash(&m, br_sha384_ID, &br_sha384_vtable);
  br_x509_minimal_set_hash(&m, br_sha512_ID, &br_sha512_vtable);
  br_x509_minimal_set_minrsa(&m, MIN_RSA);
  (*x)->start_chain(x, host);
  for (unsigned i = 0; i < c->n; i++) {
    (*x)->start_cert(x, (uint32_t)c->certs[i].len);
    (*x)->append(x, c->certs[i].s, c->certs[i].len);
    (*x)->end_cert(x);
  }
  return (*x)->end_chain(x);
}

char const *chain_word(chain const *c, unsigned error)
{
  switch (error) {
  case 0: return "ok";
  case BR_ERR_X509_EXPIRED: return "expired";
  case BR_ERR_X509_BAD_SERVER_NAME: return "wrong-name";
  case BR_ERR_X509_NOT_TRUSTED:
    return same(&c->parts[0].issuer, &c->parts[0].subject) ? "self-signed"
                                                           : "unknown-ca";
  case BR_ERR_X509_WEAK_PUBLIC_KEY: return "weak-key";
  case BR_ERR_X509_BAD_SIGNATURE: return "bad-signature";
  case BR_ERR_X509_UNSUPPORTED:
  case BR_ERR_X509_CRITICAL_EXTENSION: return "unsupported";
  default: return "bad-chain";
  }
}
