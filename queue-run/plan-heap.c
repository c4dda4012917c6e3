#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "plan-heap.h"

#define FIRST 1024

int heap_reserve(heap *h, size_t n)
{
  size_t room = h->room ? h->room : FIRST;
  timed **v;
  if (n <= h->room) return 1;
  if (n >= UINT_MAX / 2) return errno = ENOMEM, -1;
  while (room < n) room *= 2;
  v = realloc(h->v, room * sizeof *v);
  if (!v) return -1;
  h->v = v;
  h->room = room;
  return 1;
}

static void put(heap *h, size_t i, timed *t)
{
  h->v[i] = t;
  t->place = (unsigned)i + 1;
}

static void up(heap *h, size_t i, timed *t)
{
  for (; i; i = (i - 1) / 2) {
    timed *parent = h->v[(i - 1) / 2];
    if (parent->due <= t->due) break;
    put(h, i, parent);
  }
  put(h, i, t);
}

static void down(heap *h, size_t i, timed *t)
{
  for (;;) {
    size_t child = 2 * i + 1;
    if (child >= h->count) break;
    if (child + 1 < h->count && h->v[child + 1]->due < h->v[child]->due)
      child++;
    if (t->due <= h->v[child]->due) break;
    put(h, i, h->v[child]);
    i = child;
  }
  put(h, i, t);
}

void heap_push(heap *h, timed *t, long long due)
{
  t->due = due;
  up(h, h->count++, t);
}

timed *heap_top(heap const *h)
{
  return h->count ? *h->v : 0;
}

void heap_remove(heap *h, timed *t)
{
  size_t i = t->place;
  timed *last;
  if (!i--) return;
  t->place = 0;
  last = h->v[--h->count];
  if (last == t) return;
  if (i && last->due < h->v[(i - 1) / 2]->due)
    up(h, i, last);
  else
    down(h, i, last);
}

timed *heap_pop(heap *h)
{
  timed *t = heap_top(h);
  if (t) heap_remove(h, t);
  return t;
}

void heap_all_due(heap *h)
{
  for (size_t i = 0; i < h->count; i++) h->v[i]->due = 0;
}
