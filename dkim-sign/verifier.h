/* Verifies the signatures of one message after another while they stream past:
   the header is kept (at most HEAD_MAX bytes), the body only hashed. */
#ifndef VERIFIER_H
#define VERIFIER_H

#include <time.h>

#include "body-hash.h"
#include "claim.h"
#include "head.h"

#define VERIFIER_MOST 32      /* signatures looked at, at most */
#define VERIFIER_SIGNATURES 8 /* by default */
#define VERIFIER_SKEW 300     /* seconds that clocks may differ */
#define VERIFIER_FIELDS "from"
#define VERIFIER_RECORDS 3 /* TXT records of one selector that are tried */
#define VERIFIER_HEAD 2000 /* fields of a header: each is compared with h= */
#define VERIFIER_MS 10000  /* for all keys together */

/* The n names of a list "from,subject"; 0: no such list, or longer than
   VERIFIER_NAMES. */
#define VERIFIER_NAMES 32
unsigned verifier_names(char const *list);

typedef struct verifier_signature {
  claim claim;
  dkim_result result;
  char const *reason; /* "" for a pass */
  int testing;        /* the key has t=y */
} verifier_signature;

typedef struct verifier {
  /* The owner's choice. */
  unsigned most;      /* signatures to look at, up to VERIFIER_MOST */
  int partial;        /* a body longer than l= may pass */
  unsigned long skew; /* seconds */
  char const *fields; /* all fields of these names must be signed */
  int author;         /* by the domain of From, or one above it */

  /* What came of it, after verifier_end. */
  unsigned n;      /* signatures looked at, from the top */
  unsigned others; /* not looked at */
  verifier_signature v[VERIFIER_MOST];

  head head;
  int whole;  /* the header has ended */
  int failed; /* errno of what went wrong on the way */
  body_hashes body;
} verifier;

void verifier_begin(verifier *v);

/* Message bytes. Blocks, up to VERIFIER_MS, for the keys when the header has
   ended. */
void verifier_message(verifier *v, char const *s, size_t len);

/* Whether it is signed, and what can be said of the message as a whole: pass
   if one signature passes, else the first of temperror, fail, policy,
   permerror, neutral that any has. Keys in testing mode count as no signature
   unless they pass (3.6.1). With author, only a signature of the author's makes
   it a pass; others leave it a policy, and *foreign is 1. */
dkim_result verifier_end(verifier *v, int *foreign);

/* The ith of verifier_lines(v) results as RFC 8601 resinfo, at most
   VERIFIER_LINE bytes with its NUL. */
#define VERIFIER_LINE 2048
unsigned verifier_lines(verifier const *v);
void verifier_line(char *to, verifier const *v, unsigned i);

#endif
