#include <stdlib.h>

#include "plan-hash.h"

#define FIRST 256

int hash_init(plan_hash *h, uint64_t (*hash)(plan_node const *))
{
  *h = (plan_hash){.size = FIRST, .hash = hash};
  h->v = calloc(FIRST, sizeof *h->v);
  return h->v ? 1 : -1;
}

static plan_node **bucket(plan_hash const *h, uint64_t x)
{
  return h->v + (x & (h->size - 1));
}

plan_node *hash_first(plan_hash const *h, uint64_t x)
{
  return *bucket(h, x);
}

static void put(plan_hash *h, plan_node *n)
{
  plan_node **at = bucket(h, h->hash(n));
  n->next = *at;
  *at = n;
}

static void grow(plan_hash *h)
{
  plan_hash more = *h;
  more.size *= 2;
  more.v = calloc(more.size, sizeof *more.v);
  if (!more.v) return;
  for (size_t i = 0; i < h->size; i++)
    for (plan_node *n = h->v[i], *next; n; n = next) {
      next = n->next;
      put(&more, n);
    }
  free(h->v);
  *h = more;
}

void hash_add(plan_hash *h, plan_node *n)
{
  if (h->count++ >= h->size) grow(h);
  put(h, n);
}

void hash_remove(plan_hash *h, plan_node *n)
{
  plan_node **at = bucket(h, h->hash(n));
  while (*at != n) at = &(*at)->next;
  *at = n->next;
  h->count--;
}

void hash_each(plan_hash *h, void (*f)(plan_node *, void *), void *data)
{
  for (size_t i = 0; i < h->size; i++)
    for (plan_node *n = h->v[i], *next; n; n = next) {
      next = n->next;
      f(n, data);
    }
}

uint64_t hash_more(uint64_t x, char const *s, size_t n)
{
  for (size_t i = 0; i < n; i++)
    x = (x ^ (unsigned char)s[i]) * 1099511628211ULL;
  return x;
}

/* Mixed, since buckets are chosen by the lowest bits. */
uint64_t hash_bytes(char const *s, size_t n)
{
  return hash_number(hash_more(14695981039346656037ULL, s, n));
}

uint64_t hash_number(uint64_t x)
{
  x = (x ^ x >> 32) * 0x9e3779b97f4a7c15ULL;
  return x ^ x >> 29;
}
