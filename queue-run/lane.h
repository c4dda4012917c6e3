/* A lane: a process that is given one message after the other. While it has a
   destination, it has a connection to its service. */
#ifndef LANE_H
#define LANE_H

#include <sys/types.h>

#include "io.h"
#include "plan.h"
#include "work.h"

typedef struct lane {
  pid_t pid;
  int fd;           /* -1: free */
  destination *d;   /* the last one that it was for, or 0 */
  job *j;           /* being worked on, or 0 */
  unsigned done;    /* transactions for d */
  io_time deadline; /* of j; else when the lane has been idle for too long */
} lane;

/* Starts a lane: 1 or -1 with errno. others: their fds are closed in it. */
int lane_start(lane *l, run_config const *c, lane const *others, unsigned n);

/* It is for that destination from now on; 0: for none. */
void lane_turn(lane *l, destination *d);

/* Gives it a job of its destination: 1 or -1 (the lane is dead, nothing was
   begun). */
int lane_give(lane *l, run_config const *c, job *j);

/* Reads what it has to say: 1; 0: it died without a word. */
int lane_result(lane *l, work_result *r);

/* Ends an idle lane, or kills a busy one. */
void lane_end(lane *l);

#endif
