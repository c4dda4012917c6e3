#ifndef CONNECT_H
#define CONNECT_H

#include "io.h"

#define CONNECT_MOST 2         /* addresses in one race */
#define CONNECT_STAGGER_MS 250 /* before the next one starts (RFC 8305 5) */

typedef struct connect_address {
  char const *ip;
  char const *source; /* our address, of the same family; 0: any */
} connect_address;

/* A TCP connection, nonblocking, close-on-exec, without Nagle's delay: the fd,
   or -1 with errno. */
int connect_tcp(char const *ip, char const *port, io_time deadline);

/* The same to whichever of n addresses answers first; each has a start over the
   next (RFC 8305). *winner: which one. */
int connect_race(connect_address const *to, unsigned n, char const *port,
                 io_time deadline, unsigned *winner);

#endif
