/* A server's certificates in order, and their validation (RFC 5280 6) from
   given anchors. */
#ifndef CHAIN_H
#define CHAIN_H

#include <bearssl.h>

#include "der.h"
#include "table.h"

#define CHAIN_CERTS 12
#define CHAIN_ANCHORS 8

typedef struct chain {
  der certs[CHAIN_CERTS];
  der_certificate parts[CHAIN_CERTS];
  unsigned n;
} chain;

/* From the leaf on, each by its issuer, however they were sent; what does not
   belong is left out. 1; 0: one of them is no certificate. */
int chain_sort(chain *c, der const *certs, unsigned n);

typedef struct anchors {
  br_x509_trust_anchor v[CHAIN_ANCHORS];
  br_x509_decoder_context decoders[CHAIN_ANCHORS];
  unsigned n;
} anchors;

/* The key of a certificate for that name; one that cannot be used or is too
   many is left out. name must live on. */
void anchors_add(anchors *a, der const *name, der const *certificate);

/* A table of authorities: their subjects are keys, perhaps behind a prefix. */
typedef struct trust {
  table *t; /* 0: there is none */
  char const *prefix;
  size_t prefix_len;
} trust;

#define CHAIN_SUBJECT 4096 /* bytes that are looked up, with the prefix */

/* Those that issued a certificate of the chain. 1 or -1. */
int anchors_find(anchors *a, chain const *c, trust const *from);

/* 0 or an error of BearSSL's. */
unsigned chain_validate(chain const *c, anchors const *a, char const *host);

/* The word for it. */
char const *chain_word(chain const *c, unsigned error);

#endif
