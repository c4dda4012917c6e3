/* What queue-run knows of its queue: which message is to be tried where and
   when, and whose turn it is. Some hundred bytes a message; all else is in the
   files. */
#ifndef PLAN_H
#define PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "io.h"
#include "plan-hash.h"
#include "plan-heap.h"
#include "plan-link.h"
#include "queue-file.h"
#include "run.h"

typedef struct job job;
typedef struct line line;
typedef struct sender sender;
typedef struct message message;
typedef struct destination destination;

/* Who shares lanes with others. */
struct sender {
  plan_node node;
  uint64_t name; /* hashed: that two share a turn does no harm */
  unsigned messages;
  unsigned running; /* jobs in lanes */
  plan_link lines;  /* the open ones */
  plan_link ring;   /* among the senders whose turn comes */
};

struct message {
  plan_node node;
  sender *s;
  uint64_t time; /* the parts of its id */
  uint32_t process;
  unsigned jobs;               /* destinations where something waits */
  unsigned busy;               /* of them, due or being tried */
  uint16_t running;            /* of them, being tried */
  unsigned char failed : 1;    /* recipients whose sender is to be told */
  unsigned char telling : 1;   /* he is being told */
  unsigned char partial : 1;   /* there may be recipients not known here */
  unsigned char unwritten : 1; /* what was done is not on disk: it may say that
                                  it waits */
  unsigned char again : 1;    /* it is to be read again when none of it is being
                                 tried */
  unsigned char hurry : 1;    /* and then is due: it has moved elsewhere */
  unsigned char restored : 1; /* from a snapshot: it is to be read again before
                                 it is removed */
  plan_link all;              /* its jobs */
};

/* A message for a destination. */
struct job {
  timed t;    /* unix time, while it waits */
  message *m; /* 0: it was changed, and has other jobs now */
  destination *d;
  job *next; /* in its line */
  plan_link of_message;
};

/* One sender's jobs for one destination that are due. */
struct line {
  plan_node node;
  sender *s;
  destination *d;
  job *first, **last;
  plan_link of_sender; /* while it is open */
  plan_link of_destination;
  char open; /* it gets its turns: its destination takes more */
};

struct destination {
  plan_node node;
  timed t;         /* io_time, while it is asleep */
  plan_link lines; /* all that there are */
  job *newest;     /* of the message being read */
  char *reply;     /* what was said of it when it was found down, or 0 */
  unsigned jobs;   /* all that there are */
  unsigned open;   /* lines */
  unsigned down;   /* how often it was found down, one after the other */
  uint16_t lanes, busy, window; /* window: how many it may have now */
  uint16_t probes; /* of the busy ones, those that look whether it is back */
  char asleep;     /* nothing goes there for some time */
  char resting;    /* since it is down */
  char key[];
};

typedef struct plan {
  run_config const *c;
  plan_hash messages, destinations, senders, lines;
  heap waiting;           /* jobs */
  heap asleep;            /* destinations */
  plan_link idle, served; /* senders with open lines; those that have no job
                             in a lane come first */
  size_t jobs;
  unsigned probes;
  io_time now;            /* of plan_awake */
  char look[QUEUE_SPLIT]; /* a directory has messages that are not here */
  int hurry;              /* what is read is due */
  int unclean;            /* what is found now may have been tried before */
} plan;

/* 1 or -1 (ENOMEM) */
int plan_init(plan *p, run_config const *c);

/* Takes up a message by its id, if it is not known yet: 1; 0: it is not
   there, or is damaged and stays where it is; -1: errno. */
int plan_take(plan *p, char const *id);

/* The same for one that was changed on disk, known or not: as soon as none of
   it is being tried, it is read again. */
void plan_renew(plan *p, char const *id);

/* Moves what is due by now (unix time) into its lines. */
void plan_due(plan *p, long long now);

/* When the next job is due, or 0 if none waits. */
long long plan_next_due(plan const *p);

/* Everything is due, everywhere. */
void plan_all_due(plan *p);

/* The line whose turn it is, or 0. */
line *plan_next(plan *p);

/* The destination's line whose turn it is there, 0 if it takes no more now or
   other senders come first. */
line *plan_next_at(plan *p, destination *d);

/* The line's first job, which then is the caller's until plan_done, plan_later
   or plan_again. 0: it cannot be tried just now, and waits. */
job *plan_job(plan *p, line *l);

/* Nothing of the job waits any more; failed: the sender is to be told. gone:
   the whole message is not there. */
void plan_done(plan *p, job *j, int failed, int gone);
void plan_later(plan *p, job *j, long long due, int failed);
void plan_again(plan *p, job *j); /* it goes to the head of its line */

/* Nothing goes to the destination until then; plan_awake ends that for those
   whose time has come. */
void plan_sleep(plan *p, destination *d, io_time until);
void plan_awake(plan *p, io_time now);
io_time plan_next_awake(plan const *p); /* IO_FOREVER if none sleeps */

/* The destination was found down, or not. */
void plan_down(plan *p, destination *d, char const *reply);
void plan_up(plan *p, destination *d);

/* It may have so many lanes now. */
void plan_window(plan *p, destination *d, unsigned window);

/* Forgets a destination without jobs and lanes. */
void plan_forget(plan *p, destination *d);

#endif
