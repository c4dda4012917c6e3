/* Where an address goes: the functions behind alias-rewrite, RCPT, queue-put
   and maildir-put, so that they cannot disagree. Reads mail.cdb (mail.cdb(5)).
 */
#ifndef ROUTE_H
#define ROUTE_H

#include <stddef.h>

#include <skalibs/stralloc.h>

#include "quota.h"
#include "table.h"

#define ROUTE_DEPTH 20     /* longest chain of aliases */
#define ROUTE_TARGETS 1000 /* most targets of one address */

enum {
  ROUTE_OK = 1,      /* at least one target */
  ROUTE_UNKNOWN = 0, /* 550 5.1.1: a local domain, and no such address */
  ROUTE_FOREIGN = 2, /* not a local domain: relaying, if allowed */
  ROUTE_LOOP = 3,    /* 5.4.6 */
  ROUTE_TOOMANY = 4, /* 5.5.3 */
  ROUTE_FORGED = 5, /* 550 5.7.1: a rewritten sender that is not ours, or old */
  ROUTE_SEALED = 6, /* a rewritten sender, and the secrets are not for us to
                       read: queue-put can tell */
  ROUTE_TEMP = -1   /* errno; 451 4.3.0 */
};

#define ROUTE_ASKS 100 /* most questions to programs for one address */
#define ROUTE_MS 10000 /* longest time for one address with programs */

/* What the reverse-path of a remote target becomes, where it does not follow
   from its domain */
enum {
  ROUTE_KEEP = 1, /* an alias says that the sender stays */
  ROUTE_NULL = 2  /* <>: it is a bounce to a sender that was rewritten */
};

/* One target. local: address is the account's name (key in the table), else
   where to send it. Strings last until route_free. */
typedef struct route_target {
  int local;
  char const *address;
  unsigned how; /* ROUTE_KEEP, ROUTE_NULL */
} route_target;

typedef struct route_list {
  route_target *v;
  size_t n;
  void *memory;
} route_list;

/* Looks address up: aliases (address, address without tag, bare local part in
   any local domain, patterns, @domain; a real account before patterns and
   catch-all), chains with a loop check, one to many. Unknown targets beside
   known ones are dropped (they are in *dropped, for the log). "postmaster"
   without a domain counts as postmaster of the first local domain. Programs
   that tables name are asked, and rewritten senders (srs.h) read. */
int route_address(table *t, char const *address, route_list *to,
                  unsigned *dropped);

/* The same, and each step is told, with how deep it is in chains (from 1). */
typedef void route_tell(void *data, unsigned depth, char const *text);
int route_explain(table *t, char const *address, route_list *to,
                  unsigned *dropped, route_tell *tell, void *data);
void route_free(route_list *to);

/* Whether a domain is ours: 1, 0, -1. */
int route_domain_local(table *t, char const *domain, size_t len);

/* The reverse-path that sender-rewrites(5) gives sender, appended to out
   without NUL: 1; 0: none; -1 with errno. */
int route_sender(table *t, char const *sender, stralloc *out);

/* An account by its name: 1, 0, -1. */
typedef struct route_account {
  char const *name;      /* as the table has it */
  char const *directory; /* its Maildir++, absolute */
  quota limit;           /* quota=, messages= */
  char const *program;   /* program=: words with a blank between, or 0 */
} route_account;
int route_account_get(table *t, char const *name, route_account *a);

#endif
