/* dkim-verify as a parcel filter. */
#ifndef VERIFY_FILTER_H
#define VERIFY_FILTER_H

#include "filter.h"
#include "verifier.h"

/* action: one for each dkim_result. The exit code. */
int verify_filter_run(verifier *v, filter_action const *action);

#endif
