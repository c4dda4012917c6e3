/* One transaction: a message to one destination, in a lane's process. */
#ifndef WORK_H
#define WORK_H

#include "run.h"
#include "station.h"

typedef struct work_order {
  char id[QUEUE_ID + 1];
  char unsure;       /* an earlier attempt may have succeeded unseen */
  char last;         /* nothing else of the message waits, as far as is known */
  char key[RUN_KEY]; /* the destination */
  char reply[QUEUE_REPLY + 1]; /* of RUN_DOWN: what was said of it */
} work_order;

enum {
  WORK_DONE,       /* nothing waits for this destination any more */
  WORK_LATER,      /* something does, until next */
  WORK_NO_SERVICE, /* the socket is not there: no attempt was made */
  WORK_GONE,       /* there is no such message */
  WORK_TROUBLE     /* the message could not be read */
};

typedef struct work_result {
  int outcome;
  int good;                    /* the destination took or refused mail */
  int failed;                  /* the sender is to be told something */
  int left;                    /* others may wait or be held, elsewhere */
  int moved;                   /* and nobody waits here */
  int unwritten;               /* what was done is not on disk */
  int alive;                   /* it could be talked to */
  int down;                    /* to no avail */
  long long next;              /* of WORK_LATER: unix time */
  char reply[QUEUE_REPLY + 1]; /* if it is down: what was said of it */
} work_result;

/* s: the lane's connection. */
void work(run_config const *c, station *s, work_order const *o, work_result *r);

/* The same for RUN_DOWN: no attempt is made. */
void work_down(run_config const *c, work_order const *o, work_result *r);

/* The same for RUN_BOUNCE: tells the sender of all that he is to hear. */
void work_bounce(run_config const *c, station *s, work_order const *o,
                 work_result *r);

#endif
