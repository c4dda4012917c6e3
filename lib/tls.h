/* Beginning TLS: as a server from tls-serve's socket, or by UCSPI-TLS where
   SSLCTLFD is set; as a client from the socket of tls-connect. No cryptography
   here. */
#ifndef TLS_H
#define TLS_H

#include "io.h"

typedef struct tls_info {
  char version[16], cipher[64], sni[256];
  char verify[64]; /* client side: what PKIX says of the peer, "ok" or a word
                      such as "expired", "unknown-ca", "wrong-name" */
  char error[128]; /* why the handshake failed, where that is known */
} tls_info;

/* Whether TLS can be begun at all (the socket's path is given or SSLCTLFD is
   set). */
int tls_available(char const *socket);

/* The client on fd 0 goes to tls-serve; fd 0 and fd 1 become the plaintext. 1;
   0: the handshake failed; -1: errno, no service: then they are of no more use.
   The caller has checked that nothing was pipelined. */
int tls_begin(char const *socket, tls_info *info, io_time deadline);

/* Flags of tls_connect_begin. */
enum {
  TLS_PKIX = 1,  /* fail unless the certificate is valid for host (PKIX) */
  TLS_NO_SNI = 2 /* do not name the host (RFC 6066 3) */
};

/* The client side: sends fd (a connection on which the server waits for a
   ClientHello; closed in every case) to tls-connect -w at socket. host is the
   server's name, without the last dot. Without TLS_PKIX every certificate
   will do (RFC 7435), and info->verify tells what there was. *plain becomes
   the plaintext fd, close-on-exec and nonblocking. 1; 0: the handshake failed
   (info->error); -1: errno, no service. */
int tls_connect_begin(char const *socket, int fd, char const *host,
                      unsigned flags, int *plain, tls_info *info,
                      io_time deadline);

#endif
