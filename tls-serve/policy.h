/* The server's choices: which identity, suite and hash; and its signature. */
#ifndef POLICY_H
#define POLICY_H

#include <bearssl.h>

#include "identity.h"

typedef struct policy {
  br_ssl_server_policy_class const *vtable; /* BearSSL wants it first */
  table *t;
  unsigned n;
  identity each[IDENTITY_EACH];
  identity *chosen;
} policy;

void policy_init(policy *p, table *t);

#endif
