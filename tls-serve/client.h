/* One TLS connection as a client. */
#ifndef CLIENT_H
#define CLIENT_H

#include <stddef.h>

#include "chain.h"
#include "facts.h"
#include "own.h"
#include "relay.h"
#include "rules.h"

/* As server_begin; mine may be 0. The facts have SSL_PEER_VERIFY too, a word
   (verify.h). */
int client_begin(relay *r, rules const *o, trust const *all, own const *mine,
                 char *facts, size_t *len, io_time deadline);

#endif
