/* Who is at the other end (inside lib/serve). */
#ifndef SERVE_PEER_H
#define SERVE_PEER_H

#include <sys/socket.h>

#include "serve.h"

/* Whose connection it is, and what it came to. */
void serve_peer_ends(serve_peer *p, struct sockaddr_storage const *from,
                     struct sockaddr_storage const *to);

/* From the socket, which may be no socket at all. */
void serve_peer_socket(serve_peer *p, int fd);

/* From the UCSPI environment (PROTO), else from fd 0 itself. */
void serve_peer_environment(serve_peer *p);

#endif
