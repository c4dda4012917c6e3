/* Instances of a pipeline, each lent to one client for one parcel. Some are
   kept warm; more are started while clients wait, so that a few slow ones do
   not keep out the rest. */
#ifndef POOL_H
#define POOL_H

#include "io.h"
#include "pool-frame.h"
#include "serve.h"

#define POOL_BUFFER 65536
#define POOL_IDLE_MS (60 * 1000) /* of an instance beyond the warm ones */

typedef struct pool_client {
  int fd;
  int waiting;        /* has something to say, and nobody to say it to */
  unsigned long turn; /* who waits longest goes first */
  io_time deadline;   /* of waiting */
} pool_client;

typedef struct pool_pipe {
  size_t from, pass, end; /* [from, pass) may be written */
  char buf[POOL_BUFFER];
} pool_pipe;

typedef struct pool_instance {
  int fd; /* -1: not running */
  pid_t pid;
  int client;       /* its number, or -1 */
  int ended;        /* '.' has passed */
  io_time deadline; /* of the parcel, or of idleness */
  io_time moved;    /* when bytes came or went */
  io_time start;    /* not before */
  unsigned failures;
  frame_up up_frame;
  frame_down down_frame;
  pool_pipe up, down;
} pool_instance;

typedef struct pool {
  serve *s;
  char const *const *prog;
  pool_instance *instances;
  unsigned ninstances, warm;
  unsigned stall;       /* seconds: see instance_stalled */
  pool_client *clients; /* s->max of them, fd -1: free */
  unsigned long turns;
} pool;

/* pool-instance.c */
void instance_start(pool *p, pool_instance *i); /* if it is time */
/* Ends it; fault: it has itself to blame, and must wait before the next. */
void instance_end(pool_instance *i, int fault);
void instance_free(pool_instance *i); /* to be lent again */
void instance_lend(pool *p, pool_instance *i, int client);
/* One of both is readable or writable. 1; 0: the parcel is done and the
   instance clean; -1: the client is to blame; -2: the instance is. */
int instance_move(pool *p, pool_instance *i, short client, short own);
/* Whether it is only its client's turn to say something. */
int instance_stalled(pool_instance const *i);
/* What to poll for. */
short instance_wants(pool_instance const *i);
short instance_client_wants(pool_instance const *i);

/* pool.c: runs until SIGTERM; returns the exit code. */
int pool_run(pool *p);

#endif
