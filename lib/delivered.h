/* Delivered-To: by which addresses a message was passed on before. A forwarder
   that finds its own address there ends a loop between hosts (RFC 5321 6.3)
   after one round, however many targets it has; hops are counted too late. */
#ifndef DELIVERED_H
#define DELIVERED_H

#include <skalibs/stralloc.h>

#include "compose.h"

#define DELIVERED_MAX 100 /* fields that are looked at, the newest */

/* Appends the key (addr_key) of each Delivered-To in the header as far as c has
   it, NUL-terminated; what is no address is left out. 1, or -1 with errno. */
int delivered_read(stralloc *keys, compose const *c);

/* Whether address is one of them: 1, 0, or -1 with errno. */
int delivered_has(stralloc const *keys, char const *address);

#endif
