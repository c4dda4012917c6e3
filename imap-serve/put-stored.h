/* The mailboxes in which a parcel is already: several T of one mailbox get one
   copy, and an answer each. */
#ifndef PUT_STORED_H
#define PUT_STORED_H

#include <skalibs/stralloc.h>

typedef struct put_stored {
  stralloc names, places;
} put_stored;
#define PUT_STORED_ZERO                                                        \
  {                                                                            \
    STRALLOC_ZERO, STRALLOC_ZERO                                               \
  }

/* 1 or 0 */
int put_stored_has(put_stored const *p, char const *mailbox);

/* Without memory it is forgotten: a second copy is the lesser evil. */
void put_stored_add(put_stored *p, char const *mailbox);

void put_stored_reset(put_stored *p);
void put_stored_free(put_stored *p);

#endif
