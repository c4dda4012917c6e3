#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "engine.h"

#define GCM(keyx, bits, hash)                                                  \
  BR_TLS_ECDHE_##keyx##_WITH_AES_##bits##_GCM_SHA##hash
#define CBC(keyx, bits, hash)                                                  \
  BR_TLS_ECDHE_##keyx##_WITH_AES_##bits##_CBC_SHA##hash
#define CHACHA(keyx) BR_TLS_ECDHE_##keyx##_WITH_CHACHA20_POLY1305_SHA256

#define GCMS                                                                   \
  GCM(ECDSA, 128, 256), GCM(RSA, 128, 256), GCM(ECDSA, 256, 384),              \
      GCM(RSA, 256, 384)
#define CHACHAS CHACHA(ECDSA), CHACHA(RSA)
/* Last, for old SMTP peers: anything is better than plaintext (RFC 7435). */
#define CBCS                                                                   \
  CBC(ECDSA, 128, 256), CBC(RSA, 128, 256), CBC(ECDSA, 256, 384),              \
      CBC(RSA, 256, 384), CBC(ECDSA, 128, ), CBC(RSA, 128, ),                  \
      CBC(ECDSA, 256, ), CBC(RSA, 256, )

/* AES in hardware is three times as fast as ChaCha20, in software slower. */
static uint16_t const with_aes[] = {GCMS, CHACHAS, CBCS};
static uint16_t const without_aes[] = {CHACHAS, GCMS, CBCS};

static struct {
  uint16_t const *suites;
  br_block_ctr_class const *ctr;
  br_block_cbcenc_class const *cbcenc;
  br_block_cbcdec_class const *cbcdec;
  br_ghash ghash;
  br_chacha20_run chacha20;
  br_poly1305_run poly1305;
} best;

void engine_prepare(void)
{
  best.ctr = br_aes_x86ni_ctr_get_vtable();
  best.suites = best.ctr ? with_aes : without_aes;
  if (best.ctr) {
    best.cbcenc = br_aes_x86ni_cbcenc_get_vtable();
    best.cbcdec = br_aes_x86ni_cbcdec_get_vtable();
  } else {
    best.ctr = &br_aes_ct64_ctr_vtable;
    best.cbcenc = &br_aes_ct64_cbcenc_vtable;
    best.cbcdec = &br_aes_ct64_cbcdec_vtable;
  }
  best.ghash = br_ghash_pclmul_get();
  if (!best.ghash) best.ghash = br_ghash_ctmul64;
  best.chacha20 = br_chacha20_sse2_get();
  if (!best.chacha20) best.chacha20 = br_chacha20_ct_run;
  best.poly1305 = br_poly1305_ctmulq_get();
  if (!best.poly1305) best.poly1305 = br_poly1305_ctmul_run;
}

static void algorithms(br_ssl_engine_context *e)
{
  br_ssl_engine_set_hash(e, br_sha1_ID, &br_sha1_vtable);
  br_ssl_engine_set_hash(e, br_sha256_ID, &br_sha256_vtable);
  br_ssl_engine_set_hash(e, br_sha384_ID, &br_sha384_vtable);
  br_ssl_engine_set_hash(e, br_sha512_ID, &br_sha512_vtable);
  br_ssl_engine_set_prf_sha256(e, &br_tls12_sha256_prf);
  br_ssl_engine_set_prf_sha384(e, &br_tls12_sha384_prf);
  br_ssl_engine_set_ec(e, br_ec_get_default());
  br_ssl_engine_set_gcm(e, &br_sslrec_in_gcm_vtable, &br_sslrec_out_gcm_vtable);
  br_ssl_engine_set_aes_ctr(e, best.ctr);
  br_ssl_engine_set_ghash(e, best.ghash);
  br_ssl_engine_set_chapol(e, &br_sslrec_in_chapol_vtable,
                           &br_sslrec_out_chapol_vtable);
  br_ssl_engine_set_chacha20(e, best.chacha20);
  br_ssl_engine_set_poly1305(e, best.poly1305);
  br_ssl_engine_set_cbc(e, &br_sslrec_in_cbc_vtable, &br_sslrec_out_cbc_vtable);
  br_ssl_engine_set_aes_cbc(e, best.cbcenc, best.cbcdec);
}

int engine_setup(br_ssl_engine_context *e)
{
  static unsigned char records[BR_SSL_BUFSIZE_BIDI];
  unsigned char seed[32];
  br_ssl_engine_set_versions(e, BR_TLS12, BR_TLS12);
  br_ssl_engine_set_suites(e, best.suites, sizeof with_aes / sizeof *with_aes);
  algorithms(e);
  br_ssl_engine_set_buffer(e, records, sizeof records, 1);
  br_ssl_engine_add_flags(e, BR_OPT_ENFORCE_SERVER_PREFERENCES |
                                 BR_OPT_NO_RENEGOTIATION);
  /* BearSSL 0.6 asks only the processor for randomness. */
  if (getrandom(seed, sizeof seed, 0) != sizeof seed)
    return errno = errno ? errno : EIO, -1;
  br_ssl_engine_inject_entropy(e, seed, sizeof seed);
  explicit_bzero(seed, sizeof seed);
  return 1;
}

char const *engine_cipher(uint16_t suite)
{
#define NAME(x)                                                                \
  case BR_##x: return #x
  switch (suite) {
    NAME(TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256);
    NAME(TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256);
    NAME(TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384);
    NAME(TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384);
    NAME(TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256);
    NAME(TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256);
    NAME(TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256);
    NAME(TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256);
    NAME(TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384);
    NAME(TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384);
    NAME(TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA);
    NAME(TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA);
    NAME(TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA);
    NAME(TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA);
  default: return "unknown";
  }
#undef NAME
}

static char const *alert(int number)
{
  static char text[32];
  switch (number) {
  case 40: return "handshake_failure alert";
  case 42: return "bad_certificate alert";
  case 46: return "certificate_unknown alert";
  case 48: return "unknown_ca alert";
  case 70: return "protocol_version alert";
  case 100: return "no_renegotiation alert";
  default: snprintf(text, sizeof text, "alert %d", number); return text;
  }
}

char const *engine_error(int error)
{
  static char text[32];
  if (error >= BR_ERR_SEND_FATAL_ALERT)
    return alert(error - BR_ERR_SEND_FATAL_ALERT);
  if (error >= BR_ERR_RECV_FATAL_ALERT)
    return alert(error - BR_ERR_RECV_FATAL_ALERT);
  switch (error) {
  case BR_ERR_OK: return "the peer closed the connection";
  case BR_ERR_UNSUPPORTED_VERSION:
  case BR_ERR_BAD_VERSION: return "no common TLS version";
  case BR_ERR_UNKNOWN_TYPE: return "not a TLS record";
  case BR_ERR_BAD_MAC: return "bad MAC";
  case BR_ERR_BAD_SIGNATURE: return "bad signature";
  case BR_ERR_IO: return "connection lost";
  case BR_ERR_X509_UNSUPPORTED: return "unsupported certificate";
  case BR_ERR_X509_EXPIRED: return "certificate expired";
  case BR_ERR_X509_BAD_SERVER_NAME: return "certificate of another name";
  case BR_ERR_X509_NOT_TRUSTED: return "certificate not trusted";
  default: snprintf(text, sizeof text, "TLS error %d", error); return text;
  }
}
