/* MAIL, RCPT and DATA, pipelined where the peer can (RFC 2920). */
#ifndef ENVELOPE_H
#define ENVELOPE_H

#include "letter.h"
#include "session.h"

/* Whether this peer can take it at all (SIZE, SMTPUTF8): 1, or 0 when every
   recipient has got its outcome. */
int envelope_possible(session *s, letter *l);

enum {
  ENVELOPE_DATA = 1, /* the message may follow; recipients say "accepted" */
  ENVELOPE_NONE = 0, /* no message; *data is the reply to DATA if its code is
                        not 0 */
  ENVELOPE_NEXT = -1 /* *o says why this host is of no use now */
};
int envelope_send(session *s, letter *l, reply *data, outcome *o);

#endif
