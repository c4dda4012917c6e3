#include <string.h>

#include "verify.h"

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
  if (v->n == CHAIN_CERTS || length > VERIFY_BYTES - v->used)
    v->overflow = 1;
  else
    v->certs[v->n] = (der){v->bytes + v->used, 0};
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
  v->certs[v->n].len += len;
}

static void end_cert(br_x509_class const **ctx)
{
  verify *v = from(ctx);
  if (!v->overflow) v->n++;
}

static char const *host(verify const *v)
{
  return v->rules->names_n ? v->rules->names[0] : "";
}

/* For whichever of the names it is valid: 0 or the error with the last. */
static unsigned validate(verify const *v, chain const *c, anchors const *a)
{
  unsigned i = 1, error = chain_validate(c, a, host(v));
  while (error == BR_ERR_X509_BAD_SERVER_NAME && i < v->rules->names_n)
    error = chain_validate(c, a, v->rules->names[i++]);
  return error;
}

/* A word and its error. */
static unsigned say(verify *v, char const *word, unsigned error)
{
  v->word = word;
  return error;
}

static unsigned pkix(verify *v)
{
  static chain c;
  static anchors a;
  unsigned error;
  if (v->overflow || !chain_sort(&c, v->certs, v->n))
    return say(v, "bad-chain", BR_ERR_X509_LIMIT_EXCEEDED);
  a.n = 0;
  if (!v->trust.t || anchors_find(&a, &c, &v->trust) < 0)
    return say(v, "no-trust-store", BR_ERR_X509_NOT_TRUSTED);
  error = validate(v, &c, &a);
  return say(v, chain_word(&c, error), error);
}

/* DANE-EE: the server's own, whatever its names and dates (RFC 7671 5.1). */
static int is_own(verify const *v)
{
  rules const *r = v->rules;
  der_certificate parts;
  der_certificate_read(&parts, v->certs[0].s, v->certs[0].len);
  return tlsa_match(r->records, r->records_n, TLSA_EE, v->certs, &parts.key) !=
         0;
}

/* DANE-TA (RFC 7671 5.2): those of the chain that a record names, and those
   that are whole in a record, which need not be sent. */
static void find_authorities(anchors *a, verify const *v, chain const *c)
{
  static der_certificate given[RULES_RECORDS];
  rules const *r = v->rules;
  for (unsigned i = 1; i < c->n; i++)
    if (tlsa_match(r->records, r->records_n, TLSA_TA, c->certs + i,
                   &c->parts[i].key))
      anchors_add(a, &c->parts[i].subject, c->certs + i);
  for (unsigned i = 0; i < r->records_n; i++) {
    der const d = {r->records[i].data, r->records[i].len};
    if (r->records[i].usage == TLSA_TA && r->records[i].selector == 0 &&
        r->records[i].matching == 0 &&
        der_certificate_read(given + i, d.s, d.len))
      anchors_add(a, &given[i].subject, &d);
  }
}

static unsigned dane(verify *v)
{
  static chain c;
  static anchors a;
  unsigned error;
  if (is_own(v)) return say(v, "dane", 0);
  if (v->overflow || !chain_sort(&c, v->certs, v->n))
    return say(v, "bad-chain", BR_ERR_X509_LIMIT_EXCEEDED);
  a.n = 0;
  find_authorities(&a, v, &c);
  error = a.n ? validate(v, &c, &a) : BR_ERR_X509_NOT_TRUSTED;
  if (!error) return say(v, "dane", 0);
  if (error == BR_ERR_X509_NOT_TRUSTED) return say(v, "dane-mismatch", error);
  return say(v, chain_word(&c, error), error);
}

static unsigned judge(verify *v)
{
  switch (v->rules->verify) {
  case VERIFY_PKIX: return pkix(v);
  case VERIFY_DANE: return dane(v);
  case VERIFY_PIN:
    return is_own(v) ? say(v, "pin", 0)
                     : say(v, "pin-mismatch", BR_ERR_X509_NOT_TRUSTED);
  default: pkix(v); return 0; /* it is only told */
  }
}

static unsigned end_chain(br_x509_class const **ctx)
{
  verify *v = from(ctx);
  if (!v->n) return BR_ERR_X509_EMPTY_CHAIN;
  br_x509_decoder_init(&v->leaf, 0, 0);
  br_x509_decoder_push(&v->leaf, v->certs[0].s, v->certs[0].len);
  if (!br_x509_decoder_get_pkey(&v->leaf)) {
    v->word = "unsupported";
    return (unsigned)br_x509_decoder_last_error(&v->leaf);
  }
  return judge(v);
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

void verify_init(verify *v, rules const *r, trust const *t)
{
  static unsigned char bytes[VERIFY_BYTES];
  *v = (verify){
      .vtable = &class, .rules = r, .trust = *t, .word = "", .bytes = bytes};
}
