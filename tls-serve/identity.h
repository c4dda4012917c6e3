/* What tls.cdb(5) holds: chains and keys by server name. */
#ifndef IDENTITY_H
#define IDENTITY_H

#include <stddef.h>

#include <bearssl.h>

#include "table.h"

#define IDENTITY_CHAIN 10 /* most certificates of one chain */
#define IDENTITY_NAME 255 /* most bytes of a server name */
#define IDENTITY_EACH 4   /* most identities of one server name */

/* Everything points into the table, and the key into decoder: neither may
   move or be closed while it is used. */
typedef struct identity {
  br_x509_certificate chain[IDENTITY_CHAIN];
  size_t n;
  br_skey_decoder_context decoder;
} identity;

/* The nth (0 first) identity for a server name: the exact name, then the
   wildcard that matches it (RFC 6125 6.4.3), then the default, which is also
   that of the empty name. 1; 0: there are fewer; -1: errno. */
int identity_get(identity *id, table *t, char const *name, unsigned nth);

/* That of a folder: 1; 0: it has none; -1: errno. */
int identity_of(identity *id, table *t, char const *folder, size_t len);

#endif
