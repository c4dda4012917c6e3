/* One TLS connection as a client. */
#ifndef CLIENT_H
#define CLIENT_H

#include <stddef.h>

#include "facts.h"
#include "relay.h"
#include "table.h"

typedef struct client_options {
  char const *host; /* whom the certificate must name */
  char const *sni;  /* or 0 */
  table *trust;     /* or 0 */
  int required;     /* PKIX must say ok */
} client_options;

/* As server_begin; the facts have SSL_PEER_VERIFY too, a word (verify.h). */
int client_begin(relay *r, client_options const *o, char *facts, size_t *len,
                 io_time deadline);

#endif
