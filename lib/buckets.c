#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/blake2s.h>
#include <skalibs/types.h>

#include "buckets.h"

#define WAYS 8 /* places that a key may have */
#define SETS (BUCKETS / WAYS)
#define MAGIC "rohrpost buckets 1\n"
#define SECOND INT64_C(1000000)
#define LONGEST (366U * 86400)
#define FLAGS (O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)

typedef struct bucket {
  uint64_t key; /* 0: never used */
  int64_t full; /* when it is */
} bucket;

typedef struct buckets_map {
  char magic[32];
  unsigned char secret[32];
  bucket set[SETS][WAYS];
} buckets_map;

int64_t buckets_now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * SECOND + t.tv_nsec / 1000;
}

static int fresh(buckets_map *m)
{
  if (getrandom(m->secret, sizeof m->secret, 0) != sizeof m->secret) return -1;
  memcpy(m->magic, MAGIC, sizeof MAGIC);
  return 1;
}

/* fcntl's locks end with their process and are not inherited. */
static int lock(buckets const *b, short type)
{
  struct flock l = {.l_type = type, .l_whence = SEEK_SET};
  int r;
  do r = fcntl(b->fd, F_SETLKW, &l);
  while (r < 0 && errno == EINTR);
  return r < 0 ? -1 : 1;
}

/* The whole file is allocated: a full disk would be a SIGBUS later. */
static int map_file(buckets *b)
{
  off_t size = lseek(b->fd, 0, SEEK_END); /* a jail may be without fstat */
  int empty = size == 0;
  if (size < 0) return -1;
  if (!empty && size != sizeof(buckets_map)) return errno = EINVAL, -1;
  if (empty && (errno = posix_fallocate(b->fd, 0, sizeof(buckets_map)))) {
    if (ftruncate(b->fd, 0) < 0) return -1;
    return -1;
  }
  b->map =
      mmap(0, sizeof *b->map, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd, 0);
  if (b->map == MAP_FAILED) return -1;
  if (empty) return fresh(b->map);
  if (memcmp(b->map->magic, MAGIC, sizeof MAGIC)) return errno = EINVAL, -1;
  return 1;
}

int buckets_open(buckets *b, char const *path)
{
  int r;
  b->map = MAP_FAILED;
  b->fd = path ? open(path, FLAGS, 0600) : memfd_create("buckets", MFD_CLOEXEC);
  if (b->fd < 0) return -1;
  r = lock(b, F_WRLCK) < 0 ? -1 : map_file(b);
  if (r < 0) {
    int e = errno;
    buckets_close(b);
    errno = e;
  } else
    lock(b, F_UNLCK);
  return r;
}

void buckets_close(buckets *b)
{
  if (b->map != MAP_FAILED) munmap(b->map, sizeof *b->map);
  if (b->fd >= 0) close(b->fd);
  *b = (buckets){.fd = -1, .map = MAP_FAILED};
}

static uint64_t hash(buckets const *b, bucket_want const *w)
{
  blake2s_ctx c;
  uint64_t h;
  blake2s_init(&c, sizeof h);
  blake2s_update(&c, (char const *)b->map->secret, sizeof b->map->secret);
  blake2s_update(&c, &w->kind, 1);
  blake2s_update(&c, w->key, w->len < BUCKET_KEY ? w->len : BUCKET_KEY);
  blake2s_final(&c, (char *)&h);
  return h ? h : 1;
}

static bucket *find(buckets *b, uint64_t key)
{
  bucket *set = b->map->set[key % SETS];
  for (int i = 0; i < WAYS; i++)
    if (set[i].key == key) return set + i;
  return 0;
}

/* Its place, or the one of the bucket that is full soonest: that is one that
   is full already, if there is one. */
static bucket *place(buckets *b, uint64_t key)
{
  bucket *found = find(b, key), *set = b->map->set[key % SETS];
  if (found) return found;
  found = set;
  for (int i = 1; i < WAYS; i++)
    if (set[i].full < found->full) found = set + i;
  *found = (bucket){.key = key};
  return found;
}

static int64_t period(bucket_rate const *r)
{
  return (int64_t)r->seconds * SECOND;
}

/* What is missing, in the time that it takes to fill. One that would be full
   later than can be is of a clock that went back: it is empty. */
static int64_t debt(bucket const *p, bucket_want const *w, int64_t patience,
                    int64_t now)
{
  int64_t left = p ? p->full - now : 0;
  if (left > period(&w->rate) + patience * 1000) return period(&w->rate);
  return left > 0 ? left : 0;
}

static int64_t price(bucket_want const *w)
{
  return period(&w->rate) * w->cost / w->rate.n;
}

int64_t buckets_take(buckets *b, bucket_want const *w, unsigned n,
                     int64_t patience, int64_t now)
{
  int64_t longest = 0;
  if (lock(b, F_WRLCK) < 0) return 0;
  for (unsigned i = 0; i < n; i++) {
    int64_t wait;
    if (!w[i].rate.n) continue;
    wait = debt(find(b, hash(b, w + i)), w + i, patience, now) + price(w + i) -
           period(&w[i].rate);
    if (wait > longest) longest = wait;
  }
  longest = (longest + 999) / 1000;
  if (longest > patience) longest = -1;
  for (unsigned i = 0; i < n && longest >= 0; i++) {
    bucket *p;
    if (!w[i].rate.n) continue;
    p = place(b, hash(b, w + i));
    p->full = now + debt(p, w + i, patience, now) + price(w + i);
  }
  lock(b, F_UNLCK);
  return longest;
}

void buckets_give(buckets *b, bucket_want const *w, int64_t now)
{
  bucket *p;
  if (!w->rate.n || lock(b, F_WRLCK) < 0) return;
  p = find(b, hash(b, w));
  if (p && p->full > now) p->full -= price(w);
  lock(b, F_UNLCK);
}

unsigned buckets_missing(buckets *b, bucket_want const *w, int64_t now)
{
  int64_t d, one;
  if (!w->rate.n || lock(b, F_RDLCK) < 0) return 0;
  d = debt(find(b, hash(b, w)), w, 0, now);
  lock(b, F_UNLCK);
  one = period(&w->rate) / w->rate.n;
  return (unsigned)((d + one - 1) / one);
}

void buckets_mark(buckets *b, bucket_want const *w, int64_t now)
{
  if (lock(b, F_WRLCK) < 0) return;
  place(b, hash(b, w))->full = now + period(&w->rate);
  lock(b, F_UNLCK);
}

int buckets_marked(buckets *b, bucket_want const *w, int64_t now)
{
  bucket const *p;
  int marked;
  if (lock(b, F_RDLCK) < 0) return 0;
  p = find(b, hash(b, w));
  marked = p && p->full > now;
  lock(b, F_UNLCK);
  return marked;
}

int bucket_rate_scan(char const *s, bucket_rate *r)
{
  size_t n = uint_scan(s, &r->n);
  return n && s[n] == '/' && uint0_scan(s + n + 1, &r->seconds) && r->seconds &&
         r->seconds <= LONGEST && r->n <= 1000000;
}
