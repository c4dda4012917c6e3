/* One TLS connection as a server. */
#ifndef SERVER_H
#define SERVER_H

#include <stddef.h>

#include "io.h"
#include "facts.h"
#include "relay.h"
#include "table.h"

/* Makes the engine of r and shakes hands with r->net. facts becomes strings
   NAME=value, each with its NUL: SSL_PROTOCOL, SSL_CIPHER and, if the client
   named a server, SSL_TLS_SNI_SERVERNAME; or SSL_ERROR alone. 1; 0: the
   handshake failed; -1: errno. */
int server_begin(relay *r, table *t, char *facts, size_t *len,
                 io_time deadline);

#endif
