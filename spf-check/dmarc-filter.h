/* dmarc-check as a parcel filter. */
#ifndef DMARC_FILTER_H
#define DMARC_FILTER_H

#include "filter.h"
#include "spf.h"

/* What an admin may choose about. */
enum dmarc_event {
  DMARC_ON_REJECT,     /* it fails, and the policy is reject */
  DMARC_ON_QUARANTINE, /* or quarantine */
  DMARC_ON_TEMPERROR,  /* DNS does not say whether it would fail so */
  DMARC_ON_PERMERROR,  /* nobody can say who the author is */
  DMARC_EVENTS
};

typedef struct dmarc_actions {
  filter_action event[DMARC_EVENTS];
  filter_action spf[SPF_RESULTS]; /* where no policy decides */
} dmarc_actions;

/* fd 0 to fd 1 until the end. Returns the exit code. */
int dmarc_filter_run(dmarc_actions const *actions);

#endif
