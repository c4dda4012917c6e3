/* Where routes(5) sends an address. */
#ifndef NEXT_HOP_H
#define NEXT_HOP_H

#include <skalibs/stralloc.h>

#include "table.h"

#define NEXT_HOP 599 /* bytes of a way, and its 0 */

/* Behind "smtp:HOST" or "smtps:HOST", in this order: before a name of
   relays(5), and of our certificate or authorities there */
#define NEXT_HOP_AUTH ",auth="
#define NEXT_HOP_TLS ",tls="
#define NEXT_HOP_SECRET 255 /* bytes of its user or password (RFC 4616 2) */

/* Whether there are any routes: 1, 0, -1 with errno. */
int next_hop_any(table *mail);

/* The way of an address: by itself, its domain, the domains above it, *. 1 and
   it is in to, with its 0; 0: none; -1 with errno. Who calls it links -lidn2
   -lutf8proc. */
int next_hop(table *mail, char const *address, char *to);

/* By itself alone: what is ours leaves only by that. */
int next_hop_own(table *mail, char const *address, char *to);

#endif
