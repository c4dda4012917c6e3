/* rspamd-check as a parcel filter. */
#ifndef RSPAMD_FILTER_H
#define RSPAMD_FILTER_H

#include "rspamd.h"

typedef struct rspamd_filter {
  rspamd r;
  filter_action action[RSPAMD_WORDS];
  uint64_t max;      /* bytes of a message that is asked about; 0: any */
  char const *spool; /* directory */
  int strangers;     /* only those: no local or authenticated clients */
  int mark;          /* X-Spam fields */

  view v; /* of the parcel */
  stralloc rcpt;
  long last;       /* number of the last recipient */
  unsigned many;   /* recipients */
  char final[400]; /* the only one's address */
} rspamd_filter;

/* fd 0 to fd 1 until the end. Returns the exit code. */
int rspamd_filter_run(rspamd_filter *r);

/* Asks about the message on fd 0 and prints the answer: the exit code. */
int rspamd_query(rspamd_filter *r);

#endif
