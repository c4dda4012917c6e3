/* Who is at the other end (inside lib/serve). */
#ifndef SERVE_PEER_H
#define SERVE_PEER_H

#include <sys/socket.h>

#include "serve.h"

/* The bytes by which clients of one address are counted: an IPv4 address or
   an IPv6 /64. */
#define SERVE_KEY 16
void serve_key(unsigned char *key, struct sockaddr_storage const *sa);

/* From the socket, which may be no socket at all. */
void serve_peer_socket(serve_peer *p, int fd);

/* From the UCSPI environment (PROTO), else from fd 0 itself. */
void serve_peer_environment(serve_peer *p);

#endif
