/* The message of a letter: measured, and sent after DATA or by BDAT (RFC 3030).
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "letter.h"
#include "session.h"

/* Bytes of a complete message. */
unsigned long long message_size(letter const *l);

/* Whether its header has bytes above 127. */
int message_header_utf8(letter const *l);

/* Whether it says TLS-Required: No (RFC 8689 5), as far as its header is held.
 */
int message_tls_optional(letter const *l);

/* Whether it has bytes above 127; what is not held may. */
int message_8bit(letter const *l);

enum {
  MESSAGE_SENT = 1,    /* with its end: the reply comes */
  MESSAGE_EARLY = 0,   /* the peer spoke or broke off before that */
  MESSAGE_BROKEN = -1, /* the parcel did: errno */
  MESSAGE_LOST = -2 /* no reply to a chunk, or none that can be read: errno */
};
/* *early: what the peer said before the end, if that has been read; else its
   code is 0. */
int message_send(session *s, letter *l, parcel_in *in, reply *early);

#endif
