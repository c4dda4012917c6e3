/* What queue-run knows of its queue: which message is to be tried where and
   when. Some hundred bytes a message; all else is in the files. */
#ifndef PLAN_H
#define PLAN_H

#include <stddef.h>

#include "queue-file.h"
#include "run.h"

typedef struct job job;
typedef struct message message;
typedef struct destination destination;

struct message {
  message *next; /* of the same hash */
  char id[QUEUE_ID + 1];
  char failed;   /* recipients whose sender is to be told */
  unsigned jobs; /* destinations where something waits */
  unsigned busy; /* of them, due or being tried */
};

/* A message for a destination. */
struct job {
  message *m;
  destination *d;
  job *next;     /* in the destination's line */
  long long due; /* unix time, while it waits in the heap */
  char unsure;   /* it may have been delivered already */
};

struct destination {
  destination *next; /* of the same hash */
  destination *next_ready;
  job *first, **last; /* jobs that are due, in order */
  unsigned jobs;      /* all that there are */
  unsigned lanes;
  unsigned window; /* lanes that it may have now */
  job *newest;     /* of the message being read */
  char ready;      /* in the plan's line */
  char key[];
};

typedef struct plan {
  run_config const *c;
  message **messages;
  size_t buckets, count;
  destination **destinations;
  size_t dbuckets, dcount;
  job **heap;
  size_t waiting, room;
  destination *ready, **ready_last; /* those with jobs that are due */
  int unclean; /* what is found now may have been tried before */
} plan;

/* 1 or -1 (ENOMEM) */
int plan_init(plan *p, run_config const *c);

/* Takes up a message by its id, if it is not known yet: 1; 0: it is not
   there, or is damaged and stays where it is; -1: errno. */
int plan_take(plan *p, char const *id);

/* Moves what is due by now into the lines of its destinations. Returns when
   the next job is due, or 0 if none waits. */
long long plan_due(plan *p, long long now);

/* Everything is due. */
void plan_all_due(plan *p);

/* The next destination in the line, taken from it; 0 if there is none. */
destination *plan_ready(plan *p);
void plan_ready_again(plan *p, destination *d);

/* Its next job, which then is the caller's until plan_done, plan_later or
   plan_again. */
job *plan_job(destination *d);

/* Nothing of the job waits any more; failed: the sender is to be told. gone:
   the whole message is not there. */
void plan_done(plan *p, job *j, int failed, int gone);
void plan_later(plan *p, job *j, long long due, int failed);
void plan_again(plan *p, job *j); /* it goes to the head of the line */

/* Forgets a destination without jobs and lanes. */
void plan_forget(plan *p, destination *d);

#endif
