/* Token buckets of strangers, in a table of fixed size. A bucket is one moment:
   when it will be full again (the generic cell rate algorithm). From then on
   its place is free, so nothing has to be tidied, and a table that is full of
   busy ones forgets the one that is full again soonest. Which keys share a
   place is a secret, so nobody can choose them.

   The time is a parameter: microseconds of CLOCK_REALTIME (buckets_now), since
   a file survives the boot. Nothing waits longer than its rate allows if the
   clock goes back. */
#ifndef BUCKETS_H
#define BUCKETS_H

#include <stddef.h>
#include <stdint.h>

#define BUCKETS 65536 /* in a table: 1 MiB, touched as it is used */

typedef struct buckets {
  struct buckets_map *map;
  int fd; /* of the file, whose locks are used */
} buckets;

/* So many tokens in so many seconds; a bucket holds as many, so all may be
   taken at once. n 0: no limit. */
typedef struct bucket_rate {
  unsigned n, seconds;
} bucket_rate;

typedef struct bucket_want {
  char kind; /* a name space of the caller's */
  void const *key;
  size_t len; /* at most BUCKET_KEY */
  bucket_rate rate;
  unsigned cost; /* tokens */
} bucket_want;

#define BUCKET_KEY 1024

int64_t buckets_now(void);

/* A table in the file at path, made (0600) if it is not there, shared by all
   processes that open it; or, path 0, in memory shared with children. 1; -1:
   errno, EINVAL for a file that is something else. */
int buckets_open(buckets *b, char const *path);
void buckets_close(buckets *b);

/* Takes what is wanted of all n buckets, or of none. 0: taken; above 0: taken,
   and it is there in so many milliseconds, at most patience; -1: refused. */
int64_t buckets_take(buckets *b, bucket_want const *w, unsigned n,
                     int64_t patience, int64_t now);

/* Puts back what was taken. */
void buckets_give(buckets *b, bucket_want const *w, int64_t now);

/* Tokens that are missing in the bucket, rounded up: 0 for a full one. */
unsigned buckets_missing(buckets *b, bucket_want const *w, int64_t now);

/* Remembers the key for w->rate.seconds from now; whether it is remembered. */
void buckets_mark(buckets *b, bucket_want const *w, int64_t now);
int buckets_marked(buckets *b, bucket_want const *w, int64_t now);

/* "N/SECONDS" up to the NUL: 1 or 0. "0/1" is no limit. */
int bucket_rate_scan(char const *s, bucket_rate *r);

#endif
