/* Children that have served a client and may serve another of the same address
   (all clients of a unix socket have the same), instead of a new fork. Each has
   a line to the parent, over which the next client comes, and a place in memory
   that both share. */
#ifndef SERVE_SPARE_H
#define SERVE_SPARE_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "net.h"

#define SERVE_SPARES 64           /* children that can be kept; others end */
#define SERVE_SPARE_CLIENTS 1000  /* then a child ends: leaks are bounded */
#define SERVE_SPARE_STRANGERS 100 /* of a TCP socket */
#define SERVE_SPARE_MS 30000      /* an idle child ends after that */

typedef struct serve_spares {
  atomic_int *state; /* of each place, and one more; shared */
  int line[SERVE_SPARES];
  pid_t pid[SERVE_SPARES]; /* 0: the place is free */
  unsigned char key[SERVE_SPARES][NET_KEY];
} serve_spares;

/* Parent. 1 or -1 with errno. */
int serve_spares_init(serve_spares *s);

/* Before a fork for that address: a place, and in *line the child's end; -1 if
   there is none, the child then serves once. After it: parent and child. */
int serve_spare_reserve(serve_spares *s, unsigned char const *key, int *line);
void serve_spare_started(serve_spares *s, int place, int line, pid_t pid);

/* The place of an idle child of that address (0: of any), which is idle no
   longer; -1 if there is none. Then either a client for it, hold as of
   serve_door_open: 1, or 0 if it is gone; or it is told to end, and its place
   is free at once: who it was. */
int serve_spare_claim(serve_spares *s, unsigned char const *key);
int serve_spare_give(serve_spares *s, int place, int fd, int64_t hold);
pid_t serve_spare_dismiss(serve_spares *s, int place);

/* Whether no child is idle. Those that finish from now on end
   instead of waiting, so that their end wakes the parent: until _room. */
int serve_spare_full(serve_spares *s);
void serve_spare_room(serve_spares *s);

void serve_spare_gone(serve_spares *s, pid_t pid);

/* Child, after the fork: gives the lines of the others up. Then, after each
   client: the next one's descriptor, or -1 when it is time to end. */
void serve_spare_child(serve_spares *s);
int serve_spare_next(serve_spares *s, int place, int line, int64_t *hold);

#endif
