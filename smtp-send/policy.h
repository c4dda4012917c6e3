/* What the way to a destination must be like: DANE (RFC 7672), MTA-STS (RFC
   8461), our own policy (policies(5)), and what the sender asks for (RFC 8689).
   mx-find shows what these functions find, smtp-send does it. */
#ifndef POLICY_H
#define POLICY_H

#include "dane.h"
#include "fresh-table.h"
#include "mx.h"
#include "outcome.h"
#include "session.h"
#include "sts.h"
#include "tls-policy.h"

enum {
  POLICY_REQUIRETLS = 1, /* the sender's REQUIRETLS */
  POLICY_RELAXED = 2     /* the sender's TLS-Required: No */
};

typedef struct policy {
  fresh_table table;      /* policies.cdb; no path: none */
  char const *sts_socket; /* of sts-fetch; or 0 */
  tls_policy all;         /* for whom the table does not name */
  /* of the destination */
  int login;          /* a password is sent there */
  char const *client; /* a name in tls-out.cdb that is ours there; or 0 */
  unsigned flags;
  tls_policy own;
  sts sts;
  int known; /* sts is that of the destination */
  /* of the host */
  dane dane;
  int found; /* what dane_find said */
  int mx;    /* MX_NONE …: who vouches for its name */
  tls_need need;
} policy;

#define POLICY_ZERO                                                            \
  {                                                                            \
    .all = TLS_POLICY_ZERO                                                     \
  }

/* For the destination that m was made for. 1; 0: o says why not now. */
int policy_destination(policy *p, mx const *m, unsigned flags, outcome *o);

/* For the host that m is at: p->need. 1; 0: not this host, o says why. */
int policy_host(policy *p, mx const *m, outcome *o);

#endif
