/* One TLS connection as a client. */
#ifndef CLIENT_H
#define CLIENT_H

#include <stddef.h>

#include "facts.h"
#include "relay.h"
#include "rules.h"
#include "table.h"

/* As server_begin; trust may be 0. The facts have SSL_PEER_VERIFY too, a word
   (verify.h). */
int client_begin(relay *r, rules const *o, table *trust, char *facts,
                 size_t *len, io_time deadline);

#endif
