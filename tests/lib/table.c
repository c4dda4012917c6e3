/* needs: */
/* A table is whole or it is an error, never "not found". */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <skalibs/cdbmake.h>

#include "table.h"
#include "tap.h"

static char path[] = "/tmp/table.XXXXXX";

static void put(cdbmaker *c, char const *k, char const *d, size_t len)
{
  if (!cdbmake_add(c, k, (uint32_t)strlen(k), d, (uint32_t)len)) exit(111);
}

static void make(void)
{
  cdbmaker c = CDBMAKER_ZERO;
  int fd = mkstemp(path), i;
  if (fd < 0 || !cdbmake_start(&c, fd)) exit(111);
  put(&c, "a", "one", 3);
  put(&c, "a", "two", 3);
  put(&c, "", "empty key", 9);
  put(&c, "nul", "x\0y", 3);
  put(&c, "none", "", 0);
  for (i = 0; i < 1000; i++) {
    char k[12];
    snprintf(k, sizeof k, "k%d", i);
    put(&c, k, k, strlen(k));
  }
  if (!cdbmake_finish(&c)) exit(111);
  close(fd);
}

static int count(char const *k, size_t klen, char const *s, size_t len, void *d)
{
  (void)s;
  (void)len;
  if (*(int *)d == 7) return 5;
  if (klen != 1 || *k != 'a') ++*(int *)d;
  return 1;
}

static void reading(void)
{
  table *t;
  char const *s;
  size_t len;
  int n = 8, stop = 7;
  is_int(table_open(&t, path), 1, "opens");
  is_int(table_get(t, "a", 1, &s, &len), 1, "has a");
  is_mem(s, len, "one", "the first value");
  is_int(table_get_nth(t, "a", 1, 1, &s, &len), 1, "has a second");
  is_mem(s, len, "two", "the second value");
  is_int(table_get_nth(t, "a", 1, 2, &s, &len), 0, "has no third");
  is_int(table_get(t, "b", 1, &s, &len), 0, "has no b");
  is_int(table_get(t, "", 0, &s, &len), 1, "an empty key");
  is_int(table_get(t, "none", 4, &s, &len), 1, "an empty value");
  is_int((long long)len, 0, "is empty");
  is_int(table_get(t, "nul", 3, &s, &len), 1, "a value with NUL");
  is_int((long long)len, 3, "is whole");
  is_int(table_get(t, "k999", 4, &s, &len), 1, "one of many");
  is_int(table_each(t, count, &n), 1, "each");
  is_int(n, 8 + 1003, "all of them");
  is_int(table_each(t, count, &stop), 5, "each can be stopped");
  table_close(t);
}

static void missing(void)
{
  table *t;
  int fd;
  is_int(table_open(&t, "/nonexistent/table"), -1, "a missing table");
  is_int(errno, ENOENT, "ENOENT");
  ok(!t, "no table");
  table_close(t);
  fd = open(path, O_WRONLY);
  if (fd < 0 || ftruncate(fd, 1000) < 0) exit(111);
  close(fd);
  is_int(table_open(&t, path), -1, "a truncated table");
  truncate(path, 0) == 0 ? (void)0 : exit(111);
  is_int(table_open(&t, path), -1, "an empty table");
}

/* Damage of any kind must not crash the reader. */
static void damage(void)
{
  static char whole[65536];
  int fd = open(path, O_RDONLY), i;
  ssize_t size = read(fd, whole, sizeof whole);
  close(fd);
  srandom(7);
  for (i = 0; i < 3000; i++) {
    static char bad[65536];
    table *t;
    char const *s;
    size_t len;
    ssize_t n = random() % 3 ? size : 2048 + random() % (size - 2048);
    int j, k = 0;
    memcpy(bad, whole, (size_t)size);
    for (j = random() % 40; j > 0; j--)
      bad[random() % (random() % 2 ? 2048 : n)] = (char)random();
    fd = open(path, O_WRONLY | O_TRUNC);
    if (fd < 0 || write(fd, bad, (size_t)n) != n) exit(111);
    close(fd);
    if (table_open(&t, path) < 0) continue;
    for (j = 0; j < 50; j++) {
      char key[12];
      snprintf(key, sizeof key, "k%ld", random() % 1100);
      if (table_get(t, key, strlen(key), &s, &len) == 1 && len)
        k += s[0] + s[len - 1];
    }
    table_get_nth(t, "a", 1, 3, &s, &len);
    table_each(t, count, &k);
    table_close(t);
  }
  ok(1, "3000 damaged tables");
}

int main(void)
{
  make();
  reading();
  damage();
  missing();
  unlink(path);
  return done();
}
