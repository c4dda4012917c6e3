#ifndef CONNECT_H
#define CONNECT_H

#include "io.h"

/* A TCP connection, nonblocking, close-on-exec, without Nagle's delay: the fd,
   or -1 with errno. */
int connect_tcp(char const *ip, char const *port, io_time deadline);

#endif
