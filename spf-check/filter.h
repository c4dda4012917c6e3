/* spf-check as a parcel filter. */
#ifndef FILTER_H
#define FILTER_H

#include "spf.h"

/* What to do about each result: a V record's kind, or 0 for nothing. */
typedef struct filter_policy {
  char const *action[SPF_PERMERROR + 1];
} filter_policy;

/* fd 0 to fd 1 until the end. Returns the exit code. */
int filter_run(filter_policy const *p);

#endif
