/* What LMTP (RFC 2033) does in another way. */
#ifndef LMTP_H
#define LMTP_H

#include "letter.h"
#include "session.h"

/* The path if via is an LMTP server's unix socket, else 0. */
char const *lmtp_path(char const *via);

/* Behind the dot: a reply for each recipient that was accepted, in their order.
   Who gets none, since the connection is lost, is deferred. */
void lmtp_answers(session *s, letter *l);

#endif
