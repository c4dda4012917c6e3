/* What queue-run was told. */
#ifndef RUN_H
#define RUN_H

#include "queue-file.h"
#include "schedule.h"

/* Kinds of destination, the first byte of its key. RUN_DOWN is no place: there
   a message is given what was said of a RUN_REMOTE that is down. Nor is
   RUN_ANSWER, where routes(5) has the answer, and RUN_UNKNOWN, while routes
   cannot be read. */
enum {
  RUN_LOCAL = 'L',
  RUN_REMOTE = 'R',
  RUN_PIPE = 'P', /* to a program */
  RUN_BOUNCE = 'B',
  RUN_DOWN = 'X',
  RUN_ANSWER = 'A',
  RUN_UNKNOWN = 'U'
};
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
  int own;                           /* only senders of our own are told */
} run_config;

/* Routes are read from mail.cdb at path, and again where it was replaced; a
   message is planned, and tried, by one state of them. */
void run_routes(char const *path);
void run_routes_refresh(void);
unsigned run_routes_state(void); /* another one for each state of them */

/* The way of a recipient, its via or that of routes(5): 1, and it is in hop
   (NEXT_HOP bytes); 0: its domain, or mailbox; -1: nobody knows. */
int run_hop(envelope_to const *t, char *hop);

/* The key of a recipient's destination; RUN_KEY bytes. */
void run_key(char *to, envelope_to const *t);

/* Whether it is that one; RUN_DOWN is where a RUN_REMOTE is. */
int run_goes_to(envelope_to const *t, char const *key);

#endif
