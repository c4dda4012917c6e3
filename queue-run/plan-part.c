/* The heap of what waits, the tables of messages and destinations. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan-part.h"

#define FIRST 1024         /* buckets and room at first, a power of 2 */
#define DESTINATIONS 16384 /* buckets */

int heap_push(plan *p, job *j)
{
  size_t i;
  if (p->waiting == p->room) {
    size_t room = p->room ? p->room * 2 : FIRST;
    job **v = realloc(p->heap, room * sizeof *v);
    if (!v) return -1;
    p->heap = v;
    p->room = room;
  }
  for (i = p->waiting++; i; i = (i - 1) / 2) {
    job *up = p->heap[(i - 1) / 2];
    if (up->due <= j->due) break;
    p->heap[i] = up;
  }
  p->heap[i] = j;
  return 1;
}

job *heap_pop(plan *p)
{
  job *top = p->heap[0], *last = p->heap[--p->waiting];
  size_t i = 0, n = p->waiting;
  for (;;) {
    size_t child = 2 * i + 1;
    if (child >= n) break;
    if (child + 1 < n && p->heap[child + 1]->due < p->heap[child]->due) child++;
    if (last->due <= p->heap[child]->due) break;
    p->heap[i] = p->heap[child];
    i = child;
  }
  p->heap[i] = last;
  return top;
}

static size_t hash(char const *s)
{
  size_t h = 5381;
  while (*s) h = h * 33 ^ (unsigned char)*s++;
  return h ^ h >> 15;
}

int plan_init(plan *p, run_config const *c)
{
  *p = (plan){.c = c, .buckets = FIRST, .dbuckets = DESTINATIONS};
  p->ready_last = &p->ready;
  p->messages = calloc(FIRST, sizeof *p->messages);
  p->destinations = calloc(DESTINATIONS, sizeof *p->destinations);
  return p->messages && p->destinations ? 1 : -1;
}

message *message_find(plan *p, char const *id)
{
  message *m = p->messages[hash(id) & (p->buckets - 1)];
  while (m && strcmp(m->id, id)) m = m->next;
  return m;
}

/* More buckets; without memory for them it goes on with fewer. */
static void grow(plan *p)
{
  size_t n = p->buckets * 2;
  message **v = calloc(n, sizeof *v);
  if (!v) return;
  for (size_t i = 0; i < p->buckets; i++)
    for (message *m = p->messages[i], *next; m; m = next) {
      message **at = v + (hash(m->id) & (n - 1));
      next = m->next;
      m->next = *at;
      *at = m;
    }
  free(p->messages);
  p->messages = v;
  p->buckets = n;
}

message *message_new(plan *p, char const *id)
{
  message *m = calloc(1, sizeof *m), **at;
  if (!m) return 0;
  if (p->count++ >= p->buckets) grow(p);
  memcpy(m->id, id, sizeof m->id);
  at = p->messages + (hash(id) & (p->buckets - 1));
  m->next = *at;
  return *at = m;
}

void message_free(plan *p, message *m)
{
  message **at = p->messages + (hash(m->id) & (p->buckets - 1));
  while (*at != m) at = &(*at)->next;
  *at = m->next;
  p->count--;
  free(m);
}

destination *destination_get(plan *p, char const *key)
{
  destination **at = p->destinations + (hash(key) & (p->dbuckets - 1)), *d;
  size_t n = strlen(key) + 1;
  for (d = *at; d; d = d->next)
    if (!strcmp(d->key, key)) return d;
  d = calloc(1, sizeof *d + n);
  if (!d) return 0;
  memcpy(d->key, key, n);
  d->last = &d->first;
  d->window = *key == RUN_REMOTE ? 1 : p->c->lanes_per;
  d->next = *at;
  return *at = d;
}

void plan_forget(plan *p, destination *d)
{
  destination **at = p->destinations + (hash(d->key) & (p->dbuckets - 1));
  if (d->jobs || d->lanes || d->ready) return;
  while (*at != d) at = &(*at)->next;
  *at = d->next;
  free(d);
}
