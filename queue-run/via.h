/* A T record with another way. */
#ifndef VIA_H
#define VIA_H

#include <skalibs/stralloc.h>

#include "parcel.h"

/* The body of r with via= in place of what it had; none if via is "". away: a
   recipient of ours that goes to another host. to.s[to.len] is 0. 1; -1 with
   errno, EMSGSIZE. */
int via_put(stralloc *to, parcel_record const *r, char const *via, int away);

#endif
