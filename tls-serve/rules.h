/* What a client demands of the server's certificate, as tls-connect is told. */
#ifndef RULES_H
#define RULES_H

#include "tlsa.h"

#define RULES_BYTES 32768 /* most bytes of a request's options */
#define RULES_NAMES 8
#define RULES_RECORDS 64

enum {
  VERIFY_NONE, /* any will do: opportunistic, RFC 7435 */
  VERIFY_PKIX, /* valid for one of the names */
  VERIFY_DANE, /* one of the TLSA records */
  VERIFY_PIN   /* one of the fingerprints */
};

typedef struct rules {
  int verify;
  char const *names[RULES_NAMES]; /* host first */
  unsigned names_n;
  char const *sni;             /* or 0 */
  char const *own;             /* a name in tls-out.cdb, or 0 */
  tlsa records[RULES_RECORDS]; /* a fingerprint is a record for each selector */
  unsigned records_n;
} rules;

/* Takes one option, NAME=VALUE, in place: s must live on. 1; 0: it cannot be
   obeyed. An unknown NAME is nothing. */
int rules_add(rules *r, char *s);

/* Whether they make sense: 1 or 0. */
int rules_check(rules const *r);

#endif
