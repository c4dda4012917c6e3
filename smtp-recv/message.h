/* A message on its way from the client into a parcel. */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "session.h"

/* Begins the parcel: facts, sender, recipients, Received. Trouble with the way
   in becomes s->refusal. */
void message_begin(session *s, int raw);

/* n bytes of it, as dots_feed left them. */
void message_take(session *s, char const *bytes, size_t n);

/* Ends the parcel and gives the client its reply, or in LMTP its replies; the
   transaction is over. */
void message_end(session *s);

/* The refusal is the reply; the transaction is over. */
void message_refuse(session *s);

#endif
