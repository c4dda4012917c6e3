/* dnsbl-check as a parcel filter. */
#ifndef DNSBL_FILTER_H
#define DNSBL_FILTER_H

#include "dnsbl.h"
#include "filter.h"

typedef struct dnsbl_policy {
  dnsbl_lists lists;
  long junk, reject; /* from these scores on */
  int early;         /* ask and judge before the sender is known, too */
  io_time period;
} dnsbl_policy;

/* What a score leads to. */
filter_action dnsbl_action(dnsbl_policy const *p, long score);

/* fd 0 to fd 1 until the end: the exit code. */
int dnsbl_filter_run(dnsbl_policy *p);

#endif
