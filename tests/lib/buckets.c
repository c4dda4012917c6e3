/* needs: */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buckets.h"
#include "tap.h"

#define SECOND INT64_C(1000000)

static char path[] = "/tmp/rp-buckets-XXXXXX";

static bucket_want want(void const *key, size_t len, unsigned n,
                        unsigned seconds)
{
  return (bucket_want){'k', key, len, {n, seconds}, 1};
}

static void rates(buckets *b)
{
  bucket_want w[] = {want("a", 1, 3, 30), want("b", 1, 1, 10)};
  int64_t now = 1000 * SECOND;
  for (int i = 0; i < 3; i++)
    is_int(buckets_take(b, w, 1, 0, now), 0, "a full bucket gives");
  is_int(buckets_take(b, w, 1, 0, now), -1, "an empty one does not");
  is_int(buckets_missing(b, w, now), 3, "three are missing");
  is_int(buckets_take(b, w, 1, 9999, now), -1, "nor to the impatient");
  is_int(buckets_take(b, w, 1, 10000, now), 10000, "but to who waits");
  is_int(buckets_take(b, w, 1, 10000, now), -1, "who is not the only one");
  is_int(buckets_take(b, w, 1, 0, now + 20 * SECOND), 0, "it fills evenly");
  buckets_give(b, w, now + 20 * SECOND);
  is_int(buckets_take(b, w, 1, 0, now + 20 * SECOND), 0, "what is put back");
  now += 100 * SECOND;
  is_int(buckets_missing(b, w, now), 0, "in the end it is full");
  is_int(buckets_take(b, w, 2, 0, now), 0, "of two buckets");
  is_int(buckets_take(b, w, 2, 0, now), -1, "the second is empty");
  is_int(buckets_missing(b, w, now), 1, "so nothing is taken of the first");
  w[0].kind = 'l';
  is_int(buckets_missing(b, w, now), 0, "another kind is another bucket");
  is_int(buckets_take(b, w, 1, 0, now - 3600 * SECOND), 0,
         "the clock goes back");
}

static void clock_back(buckets *b)
{
  bucket_want w = want("c", 1, 1, 10);
  buckets_take(b, &w, 1, 0, 100000 * SECOND);
  is_int(buckets_take(b, &w, 1, 10000, 5000 * SECOND), 10000,
         "a clock that went back makes nobody wait longer than the rate");
}

static void marks(buckets *b)
{
  bucket_want w = want("d", 1, 0, 60);
  ok(!buckets_marked(b, &w, 0), "never seen");
  buckets_mark(b, &w, 7 * SECOND);
  ok(buckets_marked(b, &w, 66 * SECOND), "remembered");
  ok(!buckets_marked(b, &w, 67 * SECOND), "and forgotten");
  w.rate.n = 0;
  is_int(buckets_take(b, &w, 1, 0, 7 * SECOND), 0, "0 is no limit");
}

/* A table that has no end, or one that never forgets, fails here: maddy's does
   after 20,010 keys. */
static void flood(buckets *b)
{
  int64_t now = 10000000 * SECOND;
  unsigned mine = 0, good = 0;
  for (unsigned i = 0; i < 200110; i++) {
    bucket_want w = want(&i, sizeof i, 2, 60);
    good += buckets_take(b, &w, 1, 0, now) == 0;
    if (i == 20010) is_int(good, 20011, "20,011 addresses");
  }
  is_int(good, 200110, "ten times as many are served");
  for (unsigned i = 0; i < 20011; i++) {
    bucket_want w = want(&i, sizeof i, 2, 60);
    mine += buckets_missing(b, &w, now) != 0;
  }
  ok(mine < 20011, "the oldest are forgotten, not the newest refused");
  for (unsigned i = 0; i < 5; i++) {
    bucket_want w = want("heavy", 5, 100, 86400);
    w.cost = 20;
    buckets_take(b, &w, 1, 0, now);
  }
  for (unsigned i = 0; i < 200000; i++) {
    bucket_want w = want(&i, sizeof i, 2, 60);
    buckets_take(b, &w, 1, 0, now);
  }
  bucket_want w = want("heavy", 5, 100, 86400);
  is_int(buckets_take(b, &w, 1, 0, now), -1,
         "a flood does not wash a long debt away");
}

/* Children take at once what is there, and no more. */
static void together(buckets *b)
{
  bucket_want w = want("shared", 6, 100, 86400);
  int64_t now = 20000000 * SECOND;
  int total = 0;
  for (int i = 0; i < 4; i++)
    if (fork() == 0) {
      int n = 0;
      for (int j = 0; j < 50; j++) n += buckets_take(b, &w, 1, 0, now) == 0;
      _exit(n);
    }
  for (int i = 0, status; i < 4; i++) {
    wait(&status);
    total += WEXITSTATUS(status);
  }
  is_int(total, 100, "four processes share a bucket to the token");
}

static void file(void)
{
  buckets b, c;
  struct stat st;
  bucket_want w = want("x", 1, 1, 1000);
  int fd = mkstemp(path);
  close(fd);
  unlink(path);
  ok(buckets_open(&b, path) > 0, "a file is made");
  ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "mode 0600");
  is_int(buckets_take(&b, &w, 1, 0, SECOND), 0, "taken");
  together(&b);
  ok(buckets_open(&c, path) > 0, "opened by another");
  is_int(buckets_take(&c, &w, 1, 0, SECOND), -1, "it is the same bucket");
  buckets_close(&b);
  buckets_close(&c);
  ok(buckets_open(&b, path) > 0, "it outlives all of them");
  is_int(buckets_take(&b, &w, 1, 0, SECOND), -1, "the bucket, too");
  buckets_close(&b);
  fd = open(path, O_WRONLY);
  if (write(fd, "something else", 14) < 0) exit(111);
  ok(buckets_open(&b, path) < 0 && errno == EINVAL, "not one of ours");
  if (ftruncate(fd, 100) < 0) exit(111);
  ok(buckets_open(&b, path) < 0 && errno == EINVAL, "cut short");
  close(fd);
  unlink(path);
  if (symlink("/tmp/x", path) < 0) exit(111);
  ok(buckets_open(&b, path) < 0 && errno == ELOOP, "no link is followed");
  unlink(path);
  ok(buckets_open(&b, "/nonexistent/x") < 0 && errno == ENOENT, "ENOENT");
}

int main(void)
{
  buckets b;
  bucket_rate r;
  ok(buckets_open(&b, 0) > 0, "in memory");
  rates(&b);
  clock_back(&b);
  marks(&b);
  flood(&b);
  together(&b);
  buckets_close(&b);
  file();
  ok(bucket_rate_scan("20/60", &r) && r.n == 20 && r.seconds == 60, "20/60");
  ok(bucket_rate_scan("0/1", &r) && r.n == 0, "0/1");
  ok(!bucket_rate_scan("20", &r) && !bucket_rate_scan("20/0", &r) &&
         !bucket_rate_scan("/1", &r) && !bucket_rate_scan("1/1x", &r) &&
         !bucket_rate_scan("1/99999999", &r) &&
         !bucket_rate_scan("1000001/1", &r),
     "others are no rate");
  return done();
}
