/* Children that have served a client and may serve another, instead of a new
   fork. Each has a line to the parent, over which the next client comes, and a
   place in memory that both share. */
#ifndef SERVE_SPARE_H
#define SERVE_SPARE_H

#include <stdatomic.h>
#include <sys/types.h>

#define SERVE_SPARES 64          /* children that can be kept; others end */
#define SERVE_SPARE_CLIENTS 1000 /* then a child ends: leaks are bounded */
#define SERVE_SPARE_MS 30000     /* an idle child ends after that */

typedef struct serve_spares {
  atomic_int *state; /* of each place, and one more; shared */
  int line[SERVE_SPARES];
  pid_t pid[SERVE_SPARES]; /* 0: the place is free */
} serve_spares;

/* Parent. 1 or -1 with errno. */
int serve_spares_init(serve_spares *s);

/* Before a fork: a place, and in *line the child's end; -1 if there is none,
   the child is then served once. After it: parent and child. */
int serve_spare_reserve(serve_spares *s, int *line);
void serve_spare_started(serve_spares *s, int place, int line, pid_t pid);

/* A client for an idle child: 1, or 0 if there is none. */
int serve_spare_give(serve_spares *s, int fd);

/* Whether no child is idle. Those that finish from now on end
   instead of waiting, so that their end wakes the parent: until _room. */
int serve_spare_full(serve_spares *s);
void serve_spare_room(serve_spares *s);

void serve_spare_gone(serve_spares *s, pid_t pid);

/* Child, after the fork: gives the lines of the others up. Then, after each
   client: the next one's descriptor, or -1 when it is time to end. */
void serve_spare_child(serve_spares *s);
int serve_spare_next(serve_spares *s, int place, int line);

#endif
