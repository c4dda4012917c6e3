/* The header by which a proxy says whom it speaks for (HAProxy's PROXY
   protocol, versions 1 and 2). */
#ifndef PROXY_H
#define PROXY_H

#include <sys/socket.h>

#include "io.h"

#define PROXY_V1 107    /* most bytes of a version 1 header, with its CRLF */
#define PROXY_V2 16     /* bytes of a version 2 header before its addresses */
#define PROXY_BLOCK 216 /* of addresses, the longest (AF_UNIX) */
#define PROXY_MS 10000  /* for all of it: no client has to wait for it */

typedef struct proxy_ends {
  struct sockaddr_storage from, to;
} proxy_ends;

/* What a header says. 1: the client's address and the one that it came to; 0:
   LOCAL, UNKNOWN or a unix socket: those of the connection itself count; -1:
   EPROTO. A line of version 1 comes with its CRLF; of version 2 the first 16
   bytes, then its block, of which n bytes are there (all, or at least
   PROXY_BLOCK): TLVs are not looked at. */
int proxy_line(char const *s, size_t len, proxy_ends *e);
int proxy_block(unsigned char const *head, unsigned char const *block, size_t n,
                proxy_ends *e);

/* Reads a header from fd and not one byte more. As above; -1: errno, EPIPE,
   ETIMEDOUT too. */
int proxy_read(int fd, proxy_ends *e, io_time deadline);

#endif
