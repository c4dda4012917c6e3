/* A parcel up to its message: what the session knows goes into it early for
   the stages at which the admin wants the sink asked (record ?), else with
   DATA. */
#ifndef OPENING_H
#define OPENING_H

#include "session.h"

/* Puts what the parcel has not yet, facts (after way_open), F or T: 1, or -1
   and the parcel is given up. */
int opening_put(session *s, int upto);

/* Behind MAIL, and behind each RCPT: asks if it is the stage for that. 0, or
   the reply that refuses it, which MAIL keeps for RCPT unless the admin wants
   it at once. */
char const *opening_mail(session *s);
char const *opening_rcpt(session *s);

/* The way in is there for the parcel that is to come or is under way: 1 or
   -1. */
int opening_ready(session *s);

/* A parcel that is under way must not be delivered, for that reason. It gets
   a verdict and its end, so that what reads it stays usable; else a pool would
   have to start an instance anew for each client that changes its mind. */
void opening_end(session *s, char const *why);

#endif
