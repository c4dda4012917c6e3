/* Damaged copies of valid input, the same ones in every run: bits flipped,
   bytes replaced, inserted, cut out and doubled, the end cut off. */
#ifndef MUTATE_H
#define MUTATE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define MUTATE_PIECE 16 /* most bytes that one change doubles or cuts out */
#define MUTATE_CHANGES 3
#ifndef MUTANTS
#define MUTANTS 8000 /* that a parser is shown */
#endif

/* What a format gives a meaning to, as the two arguments of mutate(). */
#define BYTES(text) text, sizeof(text) - 1

/* Below n; xorshift, so that no library decides what is tried. */
static inline size_t mutate_dice(size_t n)
{
  static uint32_t x = 2463534242;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return x % n;
}

static inline size_t mutate_insert(char *s, size_t len, size_t at,
                                   char const *piece, size_t n)
{
  memmove(s + at + n, s + at, len - at);
  memcpy(s + at, piece, n);
  return len + n;
}

static inline size_t mutate_once(char *s, size_t len, char const *bytes,
                                 size_t m)
{
  char piece[MUTATE_PIECE];
  size_t at, n;
  if (!len) return len;
  at = mutate_dice(len), n = 1 + mutate_dice(MUTATE_PIECE);
  if (n > len - at) n = len - at;
  switch (mutate_dice(11)) {
  case 0:
  case 1: s[at] ^= (char)(1u << mutate_dice(8)); return len;
  case 2:
  case 3:
  case 4: s[at] = bytes[mutate_dice(m)]; return len;
  case 5:
  case 6: return mutate_insert(s, len, at, bytes + mutate_dice(m), 1);
  case 7: n = 1; /* fall through */
  case 8: memmove(s + at, s + at + n, len - at - n); return len - n;
  case 9:
    memcpy(piece, s + at, n);
    return mutate_insert(s, len, mutate_dice(len), piece, n);
  default: return mutate_dice(4) ? len : at;
  }
}

/* In memory of exactly its size, where sanitizers see a step too far. The
   caller frees it. */
static inline char *mutate(char const *from, size_t n, char const *bytes,
                           size_t m, size_t *len)
{
  char *s = malloc(n + MUTATE_CHANGES * MUTATE_PIECE + 1), *exact;
  if (!s) abort();
  memcpy(s, from, n);
  for (size_t k = 1 + mutate_dice(MUTATE_CHANGES); k; k--)
    n = mutate_once(s, n, bytes, m);
  exact = malloc(n ? n : 1);
  if (!exact) abort();
  memcpy(exact, s, n);
  free(s);
  *len = n;
  return exact;
}

/* The same for what ends with its first NUL. */
static inline char *mutate_text(char const *from, char const *bytes, size_t m)
{
  size_t len;
  char *s = mutate(from, strlen(from), bytes, m, &len);
  char *text = strndup(s, len);
  if (!text) abort();
  free(s);
  return text;
}

/* Shows a parser what is valid, then damaged copies of it. reads() says 1: it
   was read; 0: it was refused; -1: neither, or what must not be. Damage that
   leaves all of it, or none, valid tests nothing. With text s[len] is 0. */
typedef int mutants_reads(char *s, size_t len);
typedef struct mutants_input {
  char const *s;
  size_t len;
} mutants_input;

static inline void mutants_of(char const *what, mutants_input const *valid,
                              size_t n, char const *bytes, size_t m,
                              mutants_reads *reads, int text)
{
  int seen[3] = {0}, whole = 1;
  for (size_t i = 0; i < n; i++) {
    char *s = memcpy(malloc(valid[i].len + 1), valid[i].s, valid[i].len + 1);
    int r = reads(s, valid[i].len);
    if (r != 1) printf("# input %zu: %d\n", i, r);
    whole &= r == 1;
    free(s);
  }
  ok(whole, "%s: what is valid is read", what);
  for (size_t i = 0; i < MUTANTS; i++) {
    mutants_input const *v = valid + i % n;
    size_t len;
    char *s = text ? mutate_text(v->s, bytes, m)
                   : mutate(v->s, v->len, bytes, m, &len);
    int r = reads(s, text ? strlen(s) : len);
    seen[r + 1]++;
    free(s);
  }
  ok(!seen[0] && seen[1] && seen[2],
     "%s, damaged: %d read, %d refused, %d neither", what, seen[2], seen[1],
     seen[0]);
}

/* show_mutants("what", VALID[], "bytes that mean something", reads) */
#define MUTANTS_OF(what, valid, bytes, reads, text)                            \
  mutants_of(what, valid, sizeof(valid) / sizeof *(valid), BYTES(bytes),       \
             reads, text)
#define show_mutants(what, valid, bytes, reads)                                \
  MUTANTS_OF(what, valid, bytes, reads, 0)
#define show_mutants_text(what, valid, bytes, reads)                           \
  MUTANTS_OF(what, valid, bytes, reads, 1)

#endif
