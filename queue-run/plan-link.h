/* Rings of what stands in line: an empty one is linked to itself. */
#ifndef PLAN_LINK_H
#define PLAN_LINK_H

#include <stddef.h>

typedef struct plan_link plan_link;
struct plan_link {
  plan_link *next, *prev;
};

#define LINK_OF(type, member, l)                                               \
  ((type *)(void *)((char *)(l)-offsetof(type, member)))

static inline void link_init(plan_link *l)
{
  l->next = l->prev = l;
}

static inline int link_empty(plan_link const *l)
{
  return l->next == l;
}

/* To the end of the ring. */
static inline void link_add(plan_link *ring, plan_link *l)
{
  l->prev = ring->prev;
  l->next = ring;
  ring->prev->next = l;
  ring->prev = l;
}

/* Out of whatever ring it is in. */
static inline void link_remove(plan_link *l)
{
  l->prev->next = l->next;
  l->next->prev = l->prev;
  link_init(l);
}

static inline void link_to_end(plan_link *ring, plan_link *l)
{
  link_remove(l);
  link_add(ring, l);
}

#endif
