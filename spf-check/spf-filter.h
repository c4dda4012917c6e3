/* spf-check as a parcel filter. */
#ifndef SPF_FILTER_H
#define SPF_FILTER_H

#include "filter.h"
#include "spf.h"

typedef struct spf_options {
  filter_action action[SPF_RESULTS]; /* what to do about each result */
  int field;                         /* Received-SPF is added */
} spf_options;

/* fd 0 to fd 1 until the end. Returns the exit code. */
int spf_filter_run(spf_options const *o);

#endif
