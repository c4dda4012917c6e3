/* A TCP connection to a host by name. */
#ifndef DIAL_H
#define DIAL_H

#include "io.h"

/* host: a name (AAAA and A are tried in turn) or an address; port: a number.
   The socket, or -1 with errno of the last try; ENOENT: no address. */
int dial(char const *host, char const *port, io_time deadline);

#endif
