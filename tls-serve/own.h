/* What a client has for one server (tls-out.cdb of tls.cdb(5)): its own
   certificate, authorities that it trusts there alone, or both. */
#ifndef OWN_H
#define OWN_H

#include <bearssl.h>

#include "chain.h"
#include "identity.h"

#define OWN_NAME 64

typedef struct own {
  trust trust; /* t is 0: those that are trusted everywhere */
  char prefix[OWN_NAME + 2];
  identity identity;
  int certified; /* there is an identity */
} own;

/* By its name: 1; 0: there is none, or no table (t is 0); -1: errno. o must not
   move, nor t be closed, while it is used. */
int own_find(own *o, table *t, char const *name);

/* For a server that asks who we are. */
void own_show(own const *o, br_ssl_client_context *c);

#endif
