/* A letter to its destination: hosts in turn until one takes it or refuses. */
#ifndef DELIVER_H
#define DELIVER_H

#include "letter.h"
#include "login.h"
#include "next-hop.h"
#include "policy.h"
#include "session.h"
#include "way.h"

#define DELIVER_HOSTS 10 /* most addresses that are tried for one letter */

typedef struct deliverer {
  session session;
  limits limits;
  policy policy;              /* that of the open session's host */
  fresh_table relays;         /* relays.cdb */
  way way;                    /* where the session is, or begins */
  login login;                /* there; no name: none */
  char destination[NEXT_HOP]; /* of the open session */
  char const *port;           /* where the destination names none */
  char const *route;          /* all mail goes there; 0: by MX */
  int only4;
  source_rules ip[2], helo;
  unsigned most;       /* messages over one connection */
  int show;            /* the dialogue in the log */
  unsigned connect_ms; /* of the last letter; 0: connection kept */
} deliverer;

/* Every recipient has its outcome afterwards. 1, or -1 with errno if the
   parcel broke off. */
int deliver(deliverer *d, letter *l, parcel_in *in);

#endif
