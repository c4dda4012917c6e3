/* What LMTP (RFC 2033) does in another way. */
#ifndef LMTP_H
#define LMTP_H

#include "letter.h"
#include "session.h"

/* Behind the dot: a reply for each recipient that was accepted, in their order.
   Who gets none, since the connection is lost, is deferred. */
void lmtp_answers(session *s, letter *l);

#endif
