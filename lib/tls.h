/* Beginning TLS as a server: from tls-serve's socket, or by UCSPI-TLS where
   SSLCTLFD is set. No cryptography here. */
#ifndef TLS_H
#define TLS_H

#include "io.h"

typedef struct tls_info {
  char version[16], cipher[64], sni[256];
} tls_info;

/* Whether TLS can be begun at all (the socket's path is given or SSLCTLFD is
   set). */
int tls_available(char const *socket);

/* Sends fd (the client, closed afterwards) to tls-serve; *in and *out become
   the plaintext fds, the same one from tls-serve. 1; 0: the handshake failed;
   -1: errno, no service. The caller has checked that nothing was pipelined. */
int tls_begin(char const *socket, int fd, int *in, int *out, tls_info *info,
              io_time deadline);

#endif
