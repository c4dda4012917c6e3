/* Asks deliver-run where a message belongs. */
#ifndef PUT_ASK_H
#define PUT_ASK_H

#include <skalibs/stralloc.h>

#include "compose.h"
#include "put-answer.h"
#include "station.h"

/* id, head: the parcel's, with its records up to F; to: the T record, which
   may be the one that a walk over head is at. 1; 0: no answer, which is
   logged. It may take as long as a program may, and less than PARCEL_MS. */
int put_ask(station *s, char const *path, char const *id, stralloc *head,
            parcel_record const *to, compose const *c, put_answer *a);

#endif
