/* A heap: what is due next is on top. */
#ifndef PLAN_HEAP_H
#define PLAN_HEAP_H

#include <stddef.h>

/* The first member of what waits. */
typedef struct timed {
  long long due;
  unsigned place; /* in the heap, from 1 on; 0: it is not there */
  char unsure;    /* a job's: it may have been delivered already */
  char warned;    /* a job's: it was seen to that its sender was told of the
                     delay (they stand here since here is room) */
} timed;

typedef struct heap {
  timed **v;
  size_t count, room;
} heap;

/* Makes room for n in all, so that pushing cannot fail: 1 or -1 (ENOMEM). */
int heap_reserve(heap *h, size_t n);

void heap_push(heap *h, timed *t, long long due);
timed *heap_top(heap const *h); /* 0: it is empty */
timed *heap_pop(heap *h);
void heap_remove(heap *h, timed *t); /* which may not be there */

/* Everything is due now. */
void heap_all_due(heap *h);

#endif
