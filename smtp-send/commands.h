/* MAIL, RCPT and, unless the peer takes BDAT, DATA, pipelined where it can (RFC
   2920). */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "letter.h"
#include "session.h"

/* Whether this peer can take it at all (SIZE, SMTPUTF8): 1, or 0 when every
   recipient has got its outcome. */
int commands_possible(session *s, letter *l);

enum {
  COMMANDS_DATA = 1, /* the message may follow; recipients say "accepted" */
  COMMANDS_NONE = 0, /* no message; *data is the reply to DATA if its code is
                        not 0 */
  COMMANDS_NEXT = -1 /* *o says why this host is of no use now */
};
int commands_send(session *s, letter *l, reply *data, outcome *o);

#endif
