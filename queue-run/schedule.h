/* When the next attempt is due. All times in seconds. */
#ifndef SCHEDULE_H
#define SCHEDULE_H

typedef struct schedule {
  unsigned first;   /* delay after the first attempt */
  unsigned growth;  /* of each further delay, in percent of the one before */
  unsigned longest; /* no delay is longer */
  unsigned warn;    /* after arrival: the sender is told of the delay; or 0 */
  unsigned expiry;  /* after arrival: the last attempt */
} schedule;

#define SCHEDULE_ZERO                                                          \
  {                                                                            \
    .first = 400, .growth = 150, .longest = 14400, .warn = 14400,              \
    .expiry = 432000                                                           \
  }

/* The time of the next attempt after that many, the last of which ended now;
   0 if there is none any more. One is when the sender is to be told of the
   delay, the very last one at the expiry. */
long long schedule_next(schedule const *s, long long arrival, unsigned attempts,
                        long long now);

/* Whether it is time for the notice of a delay. */
int schedule_warns(schedule const *s, long long arrival, long long now);

#endif
