/* A hash table of structures that begin with a plan_node; it grows. */
#ifndef PLAN_HASH_H
#define PLAN_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct plan_node plan_node;
struct plan_node {
  plan_node *next; /* of the same bucket */
};

typedef struct plan_hash {
  plan_node **v;
  size_t size, count; /* buckets, a power of 2, and what is in them */
  uint64_t (*hash)(plan_node const *);
} plan_hash;

/* 1 or -1 (ENOMEM) */
int hash_init(plan_hash *h, uint64_t (*hash)(plan_node const *));

/* The first of those whose hash may be x. */
plan_node *hash_first(plan_hash const *h, uint64_t x);

/* Without memory for more buckets it goes on with fewer. */
void hash_add(plan_hash *h, plan_node *n);
void hash_remove(plan_hash *h, plan_node *n);

/* Calls f for each; f may remove it. */
void hash_each(plan_hash *h, void (*f)(plan_node *, void *), void *data);

/* FNV-1a of more bytes. */
uint64_t hash_more(uint64_t x, char const *s, size_t n);

/* Good enough for buckets, and for telling senders apart. */
uint64_t hash_bytes(char const *s, size_t n);
uint64_t hash_number(uint64_t x);

#endif
