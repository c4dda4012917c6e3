/* Domain-based Message Authentication, Reporting and Conformance: RFC 9989,
   less its reports. */
#ifndef DMARC_H
#define DMARC_H

#include "dmarc-walk.h"

#define DMARC_MS 20000 /* all look-ups of one step: begin, end */
#define DMARC_IDS 64   /* identifiers that are looked at */
#define DMARC_WALKS 10 /* of them, those that need a walk of their own */
#define DMARC_TEXT 512

enum dmarc_result {
  DMARC_NONE,
  DMARC_PASS,
  DMARC_FAIL,
  DMARC_TEMPERROR,
  DMARC_PERMERROR
};

enum dmarc_method { DMARC_SPF, DMARC_DKIM };

/* A domain that SPF or DKIM vouches for, or would if DNS had answered. */
typedef struct dmarc_id {
  enum dmarc_method method;
  int uncertain; /* temperror, not pass */
  char domain[DMARC_DOMAIN];
} dmarc_id;

typedef struct dmarc {
  dmarc_walk walk; /* of the author domain */
  dmarc_cache cache;
  dmarc_level const *from; /* where its record is, or 0 */
  int below;               /* that is above the author domain */
  int failed;              /* DNS did not answer for the record */
  int exists;              /* the author domain: 1, 0, -1 not known */
  unsigned nids;
  dmarc_id id[DMARC_IDS];
  unsigned walks;
} dmarc;

typedef struct dmarc_answer {
  enum dmarc_result result;
  enum dmarc_policy published; /* that fits the author domain */
  enum dmarc_policy policy;    /* after t */
  char const *at;              /* where the record is, in the dmarc, or 0 */
  int harmless; /* temperror: with an answer the message would be accepted, too
                 */
  char why[DMARC_TEXT];
} dmarc_answer;

/* Policy discovery (4.10.1) for that author domain, given as addr_domain_key
   makes it; the DNS is asked. */
void dmarc_begin(dmarc *d, char const *author);

/* Before dmarc_end, also before dmarc_begin: what is known from earlier is
   dropped by dmarc_reset alone. What is there already is not added. */
void dmarc_reset(dmarc *d);
void dmarc_add(dmarc *d, enum dmarc_method m, int uncertain,
               char const *domain);

/* Alignment (4.10.2) and result; the DNS is asked where it must be. */
void dmarc_end(dmarc *d, dmarc_answer *a);

char const *dmarc_word(enum dmarc_result r); /* "none" … */

#endif
