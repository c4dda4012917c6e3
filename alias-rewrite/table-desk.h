/* Questions from many clients, put to copies of one program, one at a time to
   each, in turn. A copy that does not answer as it should is killed, never
   asked again: its answer could come late, and be taken for the next one's. */
#ifndef TABLE_DESK_H
#define TABLE_DESK_H

#include <sys/types.h>

#include "addr.h"
#include "io.h"
#include "route-ask.h"
#include "serve.h"

#define DESK_COPIES 16   /* most */
#define DESK_FAILURES 10 /* in a row: then nothing is asked for a while */
#define DESK_QUESTION (ADDR_MAX + 1) /* bytes, with LF */

typedef struct desk_client {
  int fd;             /* -1: the place is free */
  int asks;           /* its question is whole, and not answered */
  unsigned long turn; /* who asked first is first */
  io_time deadline;   /* of its question, or of its silence */
  size_t len;
  char question[DESK_QUESTION];
} desk_client;

typedef struct desk_copy {
  int fd; /* -1: not running */
  pid_t pid;
  int busy;         /* owes an answer */
  int client;       /* to whom; -1: nobody waits for it any more */
  io_time deadline; /* of the answer */
  io_time start;    /* not before */
  unsigned failures;
  size_t len;
  char answer[ASK_LINE];
} desk_copy;

typedef struct desk {
  serve *s;
  char const *const *prog;
  unsigned ncopies;
  int64_t ms, rest_ms; /* for an answer; without questions, after failures */
  desk_copy copies[DESK_COPIES];
  desk_client *clients; /* s->max of them */
  unsigned long turns;
  unsigned failures; /* in a row, of all copies */
  io_time rest;      /* until then nothing is asked */
} desk;

/* table-copies.c */
void desk_start(desk *d); /* copies whose time has come */
void desk_ask(desk *d);   /* those who wait, as far as copies are free */
void desk_hear(desk *d, desk_copy *c); /* it is readable */
int desk_runs(desk const *d);          /* whether any copy does */
/* One question more had no answer, for want of a program or by its fault. */
void desk_count(desk *d);
/* The copy is to blame: killed, and its client told. */
void desk_fail(desk *d, desk_copy *c, char const *why);
void desk_end(desk *d); /* all copies */

/* table-desk.c: an answer, without LF, and its place is free for the next
   question. */
void desk_tell(desk *d, int client, char const *s, size_t len);
int desk_next(desk const *d); /* who has waited longest and is not served */
int desk_run(desk *d);        /* until SIGTERM: the exit code */

#endif
