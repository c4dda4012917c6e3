/* SASL PLAIN (RFC 4616) and LOGIN, the server's side. */
#ifndef SASL_H
#define SASL_H

#include <stddef.h>

#include "addr.h"
#include "password.h"

enum {
  SASL_ASK = 2,  /* the challenge goes to the client */
  SASL_DONE = 1, /* name and password are known */
  SASL_BAD = 0,  /* not what the mechanism allows */
  SASL_AUTHZ = 3 /* would act for another account */
};

enum { SASL_PLAIN, SASL_LOGIN, SASL_UNKNOWN };

typedef struct sasl {
  int mechanism, step;
  char const *challenge; /* base64 */
  char name[ADDR_MAX + 1];
  char password[PASSWORD_MAX + 1];
} sasl;

int sasl_mechanism(char const *name);

/* The next response in base64; 0: the client has not sent one yet. */
int sasl_respond(sasl *s, char const *response);

#endif
