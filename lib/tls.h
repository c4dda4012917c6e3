/* Beginning TLS: as a server from tls-serve's socket, or by UCSPI-TLS where
   SSLCTLFD is set; as a client from the socket of tls-connect. No cryptography
   here. */
#ifndef TLS_H
#define TLS_H

#include <skalibs/stralloc.h>

#include "io.h"

typedef struct tls_info {
  char version[16], cipher[64], sni[256];
  char verify[64]; /* client side: a word of tls-connect(8) on the peer's
                      certificate: "ok", "dane", "expired", "wrong-name" … */
  char error[128]; /* why the handshake failed, where that is known */
} tls_info;

/* Whether TLS can be begun at all (the socket's path is given or SSLCTLFD is
   set). */
int tls_available(char const *socket);

/* The client on fd 0 goes to tls-serve; fd 0 and fd 1 become the plaintext. 1;
   0: the handshake failed; -1: errno, no service: then they are of no more use.
   The caller has checked that nothing was pipelined. */
int tls_begin(char const *socket, tls_info *info, io_time deadline);

/* Flag of tls_connect_begin: fail unless the certificate is valid for host. */
enum { TLS_PKIX = 1 };

/* The client side: sends fd (a connection on which the server waits for a
   ClientHello; closed in every case) to tls-connect -w at socket. host is the
   server's name, without the last dot. Without TLS_PKIX every certificate
   will do (RFC 7435), and info->verify tells what there was. *plain becomes
   the plaintext fd, close-on-exec and nonblocking. 1; 0: the handshake failed
   (info->error); -1: errno, no service. */
int tls_connect_begin(char const *socket, int fd, char const *host,
                      unsigned flags, int *plain, tls_info *info,
                      io_time deadline);

/* The same with other options of tls-connect(8), made by tls_option (1, or 0
   without memory); more than TLS_OPTIONS bytes of them are EMSGSIZE. */
#define TLS_OPTIONS 32768
int tls_connect_asked(char const *socket, int fd, stralloc const *options,
                      int *plain, tls_info *info, io_time deadline);
int tls_option(stralloc *options, char const *name, char const *value);

#endif
