/* What imap-login sends: a logged-in client. It is not believed: auth-check
   says who that is. */
#ifndef TAKEOVER_H
#define TAKEOVER_H

#include <stddef.h>

#include "io.h"

#define TAKEOVER_FACTS 4096
#define TAKEOVER_MORE 8192
#define TAKEOVER_MS 30000

typedef struct takeover {
  int fd; /* the client */
  char facts[TAKEOVER_FACTS + 1];
  size_t factslen;
  char more[TAKEOVER_MORE]; /* bytes that were read too much */
  size_t morelen;
  char account[321];
} takeover;

/* Reads it from the connected socket sock. 1, or -1 with errno. */
int takeover_read(takeover *t, int sock, io_time deadline);

/* The value of a fact, "" if it is not there. */
char const *takeover_fact(takeover const *t, char const *name);

/* Asks auth-check's master socket; t->account is the answer. 1, 0, -1. */
int takeover_confirm(takeover *t, char const *master, io_time deadline);

#endif
