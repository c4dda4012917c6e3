#include <string.h>

#include "der.h"
#include "verify.h"

#define MIN_RSA 256 /* bytes of modulus */

static verify *from(br_x509_class const **ctx)
{
  return (verify *)(void *)ctx;
}

static void start_chain(br_x509_class const **ctx, char const *server_name)
{
  verify *v = from(ctx);
  (void)server_name;
  v->used = v->n = 0;
  v->overflow = 0;
  v->word = "no-certificate";
}

static void start_cert(br_x509_class const **ctx, uint32_t length)
{
  verify *v = from(ctx);
  if (v->n == VERIFY_CERTS || length > VERIFY_BYTES - v->used)
    v->overflow = 1;
  else
    v->start[v->n] = v->used;
}

static void append(br_x509_class const **ctx, unsigned char const *s,
                   size_t len)
{
  verify *v = from(ctx);
  if (v->overflow || len > VERIFY_BYTES - v->used) {
    v->overflow = 1;
    return;
  }
  memcpy(v->bytes + v->used, s, len);
  v->used += len;
}

static void end_cert(br_x509_class const **ctx)
{
  verify *v = from(ctx);
  if (v->overflow) return;
  v->start[++v->n] = v->used;
}

static unsigned char const *cert(verify const *v, unsigned i, size_t *len)
{
  *len = v->start[i + 1] - v->start[i];
  return v->bytes + v->start[i];
}

static int same(der const *a, der const *b)
{
  return a->len == b->len && !memcmp(a->s, b->s, a->len);
}

typedef struct chain {
  der_certificate names[VERIFY_CERTS];
  unsigned order[VERIFY_CERTS], n;
} chain;

/* From the leaf on, each by its issuer, however they were sent; what does not
   belong is left out. */
static int sort(chain *c, verify const *v)
{
  int used[VERIFY_CERTS] = {1};
  for (unsigned i = 0; i < v->n; i++) {
    size_t len;
    unsigned char const *s = cert(v, i, &len);
    if (!der_certificate_read(c->names + i, s, len)) return 0;
  }
  c->order[0] = 0;
  for (c->n = 1; c->n < v->n; c->n++) {
    der const *issuer = &c->names[c->order[c->n - 1]].issuer;
    unsigned i = 0;
    while (i < v->n && (used[i] || !same(&c->names[i].subject, issuer))) i++;
    if (i == v->n) break;
    used[i] = 1;
    c->order[c->n] = i;
  }
  return 1;
}

typedef struct anchors {
  br_x509_trust_anchor v[VERIFY_ANCHORS];
  br_x509_decoder_context decoders[VERIFY_ANCHORS];
  unsigned n;
} anchors;

static void add_anchor(anchors *a, der const *name, char const *s, size_t len)
{
  br_x509_decoder_context *d = a->decoders + a->n;
  br_x509_pkey *key;
  br_x509_decoder_init(d, 0, 0);
  br_x509_decoder_push(d, s, len);
  key = br_x509_decoder_get_pkey(d);
  if (!key) return;
  /* BearSSL only reads the name. */
  a->v[a->n++] = (br_x509_trust_anchor){
      .dn = {(unsigned char *)(uintptr_t)name->s, name->len},
      .flags = BR_X509_TA_CA,
      .pkey = *key};
}

/* Those of trust.cdb that issued a certificate of the chain. 1 or -1. */
static int find_anchors(anchors *a, verify const *v, chain const *c)
{
  for (unsigned i = 0; i < c->n; i++) {
    der const *issuer = &c->names[c->order[i]].issuer;
    char const *s;
    size_t len;
    for (unsigned nth = 0; a->n < VERIFY_ANCHORS; nth++) {
      int r = table_get_nth(v->trust, issuer->s, issuer->len, nth, &s, &len);
      if (r < 0) return -1;
      if (r == 0) break;
      add_anchor(a, issuer, s, len);
    }
  }
  return 1;
}

static unsigned validate(verify const *v, chain const *c, anchors const *a)
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
  (*x)->start_chain(x, v->host);
  for (unsigned i = 0; i < c->n; i++) {
    size_t len;
    unsigned char const *s = cert(v, c->order[i], &len);
    (*x)->start_cert(x, (uint32_t)len);
    (*x)->append(x, s, len);
    (*x)->end_cert(x);
  }
  return (*x)->end_chain(x);
}

static char const *word(unsigned error, chain const *c)
{
  switch (error) {
  case 0: return "ok";
  case BR_ERR_X509_EXPIRED: return "expired";
  case BR_ERR_X509_BAD_SERVER_NAME: return "wrong-name";
  case BR_ERR_X509_NOT_TRUSTED:
    return same(&c->names[0].issuer, &c->names[0].subject) ? "self-signed"
                                                           : "unknown-ca";
  case BR_ERR_X509_WEAK_PUBLIC_KEY: return "weak-key";
  case BR_ERR_X509_BAD_SIGNATURE: return "bad-signature";
  case BR_ERR_X509_UNSUPPORTED:
  case BR_ERR_X509_CRITICAL_EXTENSION: return "unsupported";
  default: return "bad-chain";
  }
}

static unsigned pkix(verify *v)
{
  static chain c;
  static anchors a;
  unsigned error;
  if (v->overflow || !sort(&c, v)) {
    v->word = "bad-chain";
    return BR_ERR_X509_LIMIT_EXCEEDED;
  }
  if (!v->trust) {
    v->word = "no-trust-store";
    return BR_ERR_X509_NOT_TRUSTED;
  }
  a.n = 0;
  if (find_anchors(&a, v, &c) < 0) {
    v->word = "no-trust-store";
    return BR_ERR_X509_NOT_TRUSTED;
  }
  error = validate(v, &c, &a);
  v->word = word(error, &c);
  return error;
}

static unsigned end_chain(br_x509_class const **ctx)
{
  verify *v = from(ctx);
  unsigned error;
  size_t len;
  unsigned char const *s;
  if (!v->n) return BR_ERR_X509_EMPTY_CHAIN;
  s = cert(v, 0, &len);
  br_x509_decoder_init(&v->leaf, 0, 0);
  br_x509_decoder_push(&v->leaf, s, len);
  if (!br_x509_decoder_get_pkey(&v->leaf)) {
    v->word = "unsupported";
    return (unsigned)br_x509_decoder_last_error(&v->leaf);
  }
  error = pkix(v);
  return v->required ? error : 0;
}

static br_x509_pkey const *get_pkey(br_x509_class const *const *ctx,
                                    unsigned *usages)
{
  verify *v = (verify *)(uintptr_t)ctx;
  if (usages) *usages = BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN;
  return br_x509_decoder_get_pkey(&v->leaf);
}

static br_x509_class const class = {sizeof(verify), start_chain, start_cert,
                                    append,         end_cert,    end_chain,
                                    get_pkey};

void verify_init(verify *v, char const *host, table *trust, int required)
{
  static unsigned char bytes[VERIFY_BYTES];
  *v = (verify){.vtable = &class,
                .host = host,
                .trust = trust,
                .required = required,
                .word = "",
                .bytes = bytes};
}
