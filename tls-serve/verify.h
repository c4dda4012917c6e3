/* What a client makes of the server's certificates. BearSSL's own validation
   cannot go on after an error, look anchors up, or put a chain in order. */
#ifndef VERIFY_H
#define VERIFY_H

#include <bearssl.h>

#include "chain.h"
#include "rules.h"

#define VERIFY_BYTES 65536

typedef struct verify {
  br_x509_class const *vtable; /* BearSSL wants it first */
  rules const *rules;
  trust trust;      /* whose word counts with pkix */
  char const *word; /* "ok", "dane", "expired" … */
  unsigned char *bytes;
  size_t used;
  der certs[CHAIN_CERTS];
  unsigned n;
  int overflow;
  br_x509_decoder_context leaf;
} verify;

/* rules and what t points at must outlive v. One per process: its buffer
   is static. */
void verify_init(verify *v, rules const *rules, trust const *t);

#endif
