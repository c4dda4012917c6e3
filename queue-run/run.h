/* What queue-run was told. */
#ifndef RUN_H
#define RUN_H

#include "queue-file.h"
#include "schedule.h"

/* Kinds of destination, the first byte of its key. RUN_DOWN is no place: there
   a message is given what was said of a RUN_REMOTE that is down. */
enum { RUN_LOCAL = 'L', RUN_REMOTE = 'R', RUN_BOUNCE = 'B', RUN_DOWN = 'X' };
#define RUN_KEY 600 /* bytes of the longest key and its 0 */

typedef struct run_config {
  int queue;
  schedule when;
  unsigned lanes;        /* at once */
  unsigned lanes_per;    /* to one destination */
  unsigned lane_seconds; /* for one transaction */
  unsigned rescan;       /* seconds */
  unsigned soon;         /* retry where nothing can be said of the mail */
  unsigned rest;         /* the longest that one that is down is left alone */
  unsigned rate;         /* messages a minute to one destination; 0: any */
  char const *send, *local, *report; /* sockets */
  char const *postmaster;            /* for double bounces, or 0 */
} run_config;

/* The key of a recipient's destination; RUN_KEY bytes. */
void run_key(char *to, envelope_to const *t);

/* Whether it is that one; RUN_DOWN is where a RUN_REMOTE is. */
int run_goes_to(envelope_to const *t, char const *key);

#endif
