/* A lane: a process with a connection to the service of one destination. It
   is given one message after the other. */
#ifndef LANE_H
#define LANE_H

#include <sys/types.h>

#include "io.h"
#include "plan.h"
#include "work.h"

typedef struct lane {
  pid_t pid;
  int fd; /* -1: free */
  destination *d;
  job *j;           /* being worked on, or 0 */
  unsigned done;    /* transactions */
  io_time deadline; /* of j; else when the lane has been idle for too long */
} lane;

/* Starts a lane: 1 or -1 with errno. others: their fds are closed in it. */
int lane_start(lane *l, run_config const *c, destination *d, lane const *others,
               unsigned n);

/* Gives it the job: 1 or -1 (the lane is dead, nothing was begun). */
int lane_give(lane *l, run_config const *c, job *j);

/* Reads what it has to say: 1; 0: it died without a word. */
int lane_result(lane *l, work_result *r);

/* Ends an idle lane, or kills a busy one. */
void lane_end(lane *l);

#endif
