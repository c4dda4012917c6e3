/* One mail transaction (RFC 5321 3.3): MAIL, RCPT, DATA, the message. */
#ifndef TRANSACTION_H
#define TRANSACTION_H

#include "letter.h"
#include "session.h"

enum {
  TX_DONE = 1,   /* every recipient has its outcome */
  TX_NEXT = 0,   /* *o says why; another host may be tried */
  TX_STALE = 2,  /* a connection that was kept is of no more use */
  TX_BROKEN = -1 /* the parcel broke off: errno; nothing was sent */
};

/* Recipients that have an outcome are left out. in yields the rest of a
   message that is not complete. */
int transaction(session *s, letter *l, parcel_in *in, outcome *o);

#endif
