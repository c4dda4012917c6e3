/* spf-check as a parcel filter. */
#ifndef SPF_FILTER_H
#define SPF_FILTER_H

#include "filter.h"
#include "spf.h"

/* action: what to do about each result. fd 0 to fd 1 until the end. Returns
   the exit code. */
int spf_filter_run(filter_action const *action);

#endif
