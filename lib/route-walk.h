/* What route.h's walk over the tables keeps: where it has been, what it has
   found. */
#ifndef ROUTE_WALK_H
#define ROUTE_WALK_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "io.h"
#include "route.h"

/* An address of ours that was looked up; open: its targets are being walked */
typedef struct visit {
  size_t pos, len; /* of its key in keys */
  uint32_t hash;
  int open, result;
} visit;

typedef struct walk {
  table *t;
  stralloc keys;
  visit *visits;
  size_t nvisits;
  stralloc addresses; /* of the targets, each ends with NUL */
  size_t ntargets;
  unsigned depth, dropped;
  unsigned keep;   /* aliases on the way here that keep the sender */
  unsigned bounce; /* the address is a rewritten sender */
  unsigned asked;  /* programs */
  io_time deadline;
  route_tell *tell;
  void *data;
  /* The last, which walk_init leaves as they are: a look-up uses a few. */
  size_t target[ROUTE_TARGETS];
  unsigned char local[ROUTE_TARGETS], how[ROUTE_TARGETS];
} walk;

/* Of memory as malloc gives it: 1, or -1 without memory for more. Then, too,
   walk_free. */
int walk_init(walk *w, table *t);
void walk_free(walk *w);

/* ROUTE_OK, ROUTE_TOOMANY or ROUTE_TEMP */
int walk_add(walk *w, char const *address, size_t len, int local);

/* The visit of key, or 0 */
visit *walk_find(walk *w, char const *key, size_t len);

/* A new one, open, ROUTE_UNKNOWN so far; 0 without memory. There is room for
   ROUTE_VISITS. */
#define ROUTE_VISITS (2 * ROUTE_TARGETS)
visit *walk_new(walk *w, char const *key, size_t len);

/* Hands the targets over: ROUTE_OK or ROUTE_TEMP */
int walk_give(walk *w, route_list *to);

/* One line for who asked for an explanation */
__attribute__((format(printf, 2, 3))) void walk_tell(walk *w, char const *fmt,
                                                     ...);

#endif
