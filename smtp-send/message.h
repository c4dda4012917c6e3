/* The message of a letter: composed, measured, sent after DATA. */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "letter.h"
#include "session.h"

/* Carries out the letter's E, H and A on what is held; result is 0 for a
   streamed message that broke that off. 1 or -1 with errno. */
int message_compose(letter *l);

/* Bytes of a complete message. */
unsigned long long message_size(letter const *l);

/* Whether its header has bytes above 127. */
int message_header_utf8(letter const *l);

enum {
  MESSAGE_SENT = 1,   /* with its dot: the reply comes */
  MESSAGE_EARLY = 0,  /* the peer spoke or broke off before the dot */
  MESSAGE_BROKEN = -1 /* the parcel did: errno */
};
int message_send(session *s, letter *l, parcel_in *in);

#endif
