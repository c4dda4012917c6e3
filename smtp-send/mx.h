/* The hosts that take mail for a destination (RFC 5321 5.1, RFC 7505). */
#ifndef MX_H
#define MX_H

#include "io.h"
#include "outcome.h"

#define MX_HOSTS 20     /* most hosts of one destination */
#define MX_ADDRESSES 16 /* most addresses of one host */
#define MX_NAME 256
#define MX_DNS_MS 30000 /* one look-up */

typedef struct mx_address {
  char ip[46];
  int v6;
} mx_address;

typedef struct mx_host {
  unsigned preference;
  char name[MX_NAME];
} mx_host;

typedef struct mx {
  char domain[MX_NAME]; /* for whom; a host that was given; "[address]" */
  char host[MX_NAME];   /* the host now tried; a literal without brackets */
  char const *port;
  int only4;           /* IPv4 alone */
  char const *me;      /* our own name */
  int trusted;         /* nobody between us and DNS could have named others */
  int given, literal;  /* no MX was asked for; the only host is an address */
  char final[MX_NAME]; /* where the CNAMEs of the host led; "" */
  int secure;          /* its addresses are signed, as the resolver says */
  mx_host hosts[MX_HOSTS];
  unsigned n, next;
  mx_address addresses[MX_ADDRESSES];
  unsigned addresses_n, addresses_next;
  char port_given[6];
} mx;

/* Finds the hosts of a mail domain, in A-labels, or of an address literal in
   brackets. If we are one of them, only those that are preferred to us are left
   (RFC 5321 5.1). 1; 0: o says why not. */
int mx_domain(mx *m, char const *domain, outcome *o);

/* A relay, "host", "host:port", "[address]:port": no MX is asked for. */
int mx_relay(mx *m, char const *relay, outcome *o);

/* The next address to try, in order of preference, both families in turn. 1;
   0: there are no more, and *o tells of hosts without addresses. */
int mx_next(mx *m, mx_address *a, outcome *o);

/* The same host's next address if it is of the other family, else 0; and that
   it has been tried beside the last one. */
mx_address const *mx_other_family(mx const *m, mx_address const *a);
void mx_skip(mx *m);

/* Leaves this host out, whatever addresses it has yet. */
void mx_skip_host(mx *m);

#endif
