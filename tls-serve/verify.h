/* What a client makes of the server's certificates. BearSSL's own validation
   cannot go on after an error, look anchors up, or put a chain in order. */
#ifndef VERIFY_H
#define VERIFY_H

#include <bearssl.h>

#include "table.h"

#define VERIFY_CERTS 12
#define VERIFY_BYTES 65536
#define VERIFY_ANCHORS 8

typedef struct verify {
  br_x509_class const *vtable; /* BearSSL wants it first */
  char const *host;            /* must be named by the certificate */
  table *trust;                /* trust.cdb: subject -> certificate; or 0 */
  int required;                /* PKIX decides; else it only reports */
  char const *word;            /* what PKIX says: "ok", "expired" … */
  unsigned char *bytes;
  size_t used, start[VERIFY_CERTS + 1];
  unsigned n;
  int overflow;
  br_x509_decoder_context leaf;
} verify;

/* host and trust must outlive v. One per process: its buffer is static. */
void verify_init(verify *v, char const *host, table *trust, int required);

#endif
