/* Where a letter goes, as its via or routes(5) says. */
#ifndef WAY_H
#define WAY_H

#include "next-hop.h"

#define WAY_NAME 64 /* bytes of a name in relays(5), or of a certificate's */

typedef struct way {
  char to[NEXT_HOP];        /* domain, host with its port, or path */
  char login[WAY_NAME + 1]; /* in relays(5), or "" */
  char own[WAY_NAME + 1];   /* in tls-out.cdb, or "" */
  int by_mx;                /* the hosts are found by MX records */
  int lmtp;                 /* RFC 2033 */
  int socket;               /* to is a path */
  int implicit;             /* TLS before the greeting (RFC 8314 3.3) */
} way;

/* "smtp:HOST,auth=NAME,tls=NAME", "smtps:…", "mx:DOMAIN", "lmtp:HOST",
   "lmtp:/PATH", or a domain; given: a host without a prefix is a relay. 1; 0:
   it is none. */
int way_read(way *w, char const *s, int given);

#endif
