/* What became of a recipient: an SMTP reply, the peer's or our own. */
#ifndef OUTCOME_H
#define OUTCOME_H

#include "reply.h"

#define OUTCOME_TEXT 400

typedef struct outcome {
  int code;                /* 0: nothing yet */
  char text[OUTCOME_TEXT]; /* "5.1.1 mx.b.test said: no such user", cleaned */
} outcome;

/* Our own words behind an enhanced code. */
__attribute__((format(printf, 3, 4))) void outcome_set(outcome *o, int code,
                                                       char const *fmt, ...);

/* The peer's last words on a recipient (3xx is no such reply: 451), or what
   errno says if it had none. */
void outcome_reply(outcome *o, char const *host, reply const *r);
void outcome_error(outcome *o, char const *host, char const *what, int err);

/* A success of which the peer will not tell the sender: X.1.9 (RFC 3886). */
void outcome_relayed(outcome *to, outcome const *o);

/* Keeps what the sender should hear of several hosts that failed: a temporary
   failure is hope, so it wins over a permanent one. */
void outcome_merge(outcome *all, outcome const *one);

#endif
