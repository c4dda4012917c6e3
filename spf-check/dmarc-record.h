/* One DMARC policy record (RFC 9989 4.7, 4.8). */
#ifndef DMARC_RECORD_H
#define DMARC_RECORD_H

#include <stddef.h>

enum dmarc_policy {
  DMARC_POLICY_NONE,
  DMARC_QUARANTINE,
  DMARC_REJECT,
  DMARC_ABSENT /* only in a record: there is no such tag */
};

typedef struct dmarc_record {
  enum dmarc_policy p, sp, np; /* p is never DMARC_ABSENT */
  char psd;                    /* y n u */
  char adkim, aspf;            /* r s */
  int test;                    /* t=y */
  int unusable; /* 4.10.1: a bad policy and nowhere to report it to */
} dmarc_record;

/* Whether s is a policy record: 1 or 0. What is wrong in it counts as absent,
   of a tag that is there twice the first counts; unknown tags, those of RFC
   7489 (pct, rf, ri) and those for reports are passed over. */
int dmarc_record_read(dmarc_record *r, char const *s, size_t len);

/* The policy for the domain itself or, below it, for one that exists or not
   (4.10.1), before t. */
enum dmarc_policy dmarc_record_policy(dmarc_record const *r, int below,
                                      int exists);

/* One step less where the owner only tests (4.7, t). */
enum dmarc_policy dmarc_policy_tested(dmarc_record const *r,
                                      enum dmarc_policy p);

char const *dmarc_policy_word(enum dmarc_policy p); /* "none" … */

#endif
