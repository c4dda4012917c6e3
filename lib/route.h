/* Where an address goes: the functions behind alias-rewrite, RCPT, queue-put
   and maildir-put, so that they cannot disagree. Reads mail.cdb (mail.cdb(5)).
 */
#ifndef ROUTE_H
#define ROUTE_H

#include <stddef.h>

#include "table.h"

#define ROUTE_DEPTH 20     /* longest chain of aliases */
#define ROUTE_TARGETS 1000 /* most targets of one address */

enum {
  ROUTE_OK = 1,      /* at least one target */
  ROUTE_UNKNOWN = 0, /* 550 5.1.1: a local domain, and no such address */
  ROUTE_FOREIGN = 2, /* not a local domain: relaying, if allowed */
  ROUTE_LOOP = 3,    /* 5.4.6 */
  ROUTE_TOOMANY = 4, /* 5.5.3 */
  ROUTE_TEMP = -1    /* errno; 451 4.3.0 */
};

/* One target. local: address is the account's name (key in the table), else
   where to send it. Strings last until route_free. */
typedef struct route_target {
  int local;
  char const *address;
} route_target;

typedef struct route_list {
  route_target *v;
  size_t n;
  void *memory;
} route_list;

/* Looks address up: aliases (address, address without tag, bare local part in
   any local domain, @domain; a real account before a catch-all), chains with
   a loop check, one to many. Unknown targets beside known ones are dropped
   (they are in *dropped, for the log). "postmaster" without a domain counts
   as postmaster of the first local domain. */
int route_address(table *t, char const *address, route_list *to,
                  unsigned *dropped);
void route_free(route_list *to);

/* Whether a domain is ours: 1, 0, -1. */
int route_domain_local(table *t, char const *domain, size_t len);

/* An account by its name: 1, 0, -1. */
typedef struct route_account {
  char const *name;      /* as the table has it */
  char const *directory; /* its Maildir++, absolute */
} route_account;
int route_account_get(table *t, char const *name, route_account *a);

#endif
