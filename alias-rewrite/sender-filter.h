/* sender-check as a parcel filter. */
#ifndef SENDER_FILTER_H
#define SENDER_FILTER_H

#include "filter.h"

/* Of mail from an account: */
enum sender_event {
  SENDER_ENVELOPE,  /* the reverse-path is not the account's */
  SENDER_HEADER,    /* From or Sender is not */
  SENDER_MALFORMED, /* or cannot be read */
  SENDER_NULL,      /* there is no reverse-path */
  SENDER_EVENTS
};

/* Of mail from elsewhere, that claims a domain of ours: */
enum sender_claim { SENDER_CLAIM_ENVELOPE, SENDER_CLAIM_HEADER, SENDER_CLAIMS };

typedef struct sender_actions {
  filter_action event[SENDER_EVENTS];
  filter_action claim[SENDER_CLAIMS];
} sender_actions;

/* path: of mail.cdb, opened for each parcel. Returns the exit code. */
int sender_filter_run(char const *path, sender_actions const *actions);

#endif
