/* dkim-sign for people: one message from fd 0 to fd 1. */
#ifndef SIGN_MESSAGE_H
#define SIGN_MESSAGE_H

#include "signer.h"

/* Opens the unnamed file in $TMPDIR in which the message waits until its
   signatures, which stand above it, are known. fd or -1. */
int sign_message_spool(void);

/* Line ends stay as they are: the signature gets those of the first line. With
   unsigned_too, what cannot be signed for want of a usable key is copied.
   Returns the exit code. */
int sign_message(signer *s, int spool, int unsigned_too);

#endif
