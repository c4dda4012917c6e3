#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "quota.h"
#include "mutate.h"
#include "tap.h"

static quota const LIMIT = {1000, 10};

static int reads(char const *s, quota *used, unsigned *lines)
{
  return quota_read(used, lines, s, strlen(s), &LIMIT);
}

static void test_read(void)
{
  static char const *const bad[] = {"",
                                    "\n",
                                    "1000S,10C",
                                    "1000S,10C\n",  /* no sum */
                                    "1000S\n1 1\n", /* other limits */
                                    "1001S,10C\n1 1\n",
                                    "1000S,10C\n1\n",
                                    "1000S,10C\n1 1", /* a line cut short */
                                    "1000S,10C\n1 1 1\n",
                                    "1000S,10C\nx 1\n",
                                    "1000S,10C\n-1 1\n", /* less than nothing */
                                    "1000S,10C\n1 1\n1 -2\n",
                                    "1000S,10C\n1111111111111111111 1\n",
                                    "1000S,10C\n\n",
                                    "1000S10C\n1 1\n"};
  quota used;
  unsigned lines;
  ok(reads("1000S,10C\n600 6\n", &used, &lines) && used.bytes == 600 &&
         used.messages == 6 && lines == 1,
     "maildirsize: a count");
  ok(reads("10C,1000S\n  600   6\n-100 -1\n50 1 \n", &used, &lines) &&
         used.bytes == 550 && used.messages == 6 && lines == 3,
     "and what was added; Courier fills up with blanks");
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    ok(!reads(bad[i], &used, &lines), "no maildirsize for these limits: %zu",
       i);
}

/* Any change of a good one: it is read within its bounds, or refused. */
static void test_mutations(void)
{
  static char const good[] = "1000S,10C\n600 6\n-100 -1\n50 1\n";
  int taken = 0;
  for (int i = 0; i < MUTANTS; i++) {
    size_t n;
    char *s = mutate(BYTES(good), BYTES("0123456789-SC, \nx\377"), &n);
    quota used = {0, 0};
    unsigned lines;
    taken += quota_read(&used, &lines, s, n, &LIMIT) > 0;
    free(s);
  }
  ok(taken > MUTANTS / 100 && taken < MUTANTS, "mutations: %d of %d taken",
     taken, MUTANTS);
}

static int root;

static void put(char const *name, char const *text)
{
  int fd = openat(root, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) abort();
  close(fd);
}

static char const *file(void)
{
  static char text[6000];
  int fd = openat(root, "maildirsize", O_RDONLY);
  ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  text[n < 0 ? 0 : n] = 0;
  return n < 0 ? "none" : text;
}

static int room(uint64_t bytes, uint64_t messages)
{
  quota const more = {bytes, messages};
  return quota_room(root, &LIMIT, &more);
}

static void age(time_t seconds)
{
  struct timespec const t[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_sec = time(0) + seconds}};
  utimensat(root, "maildirsize", t, 0);
}

static void test_count(void)
{
  char dir[] = "/tmp/quotaXXXXXX", long_text[5200];
  static char const *const dirs[] = {"new",    "cur",        "tmp",
                                     ".Junk",  ".Junk/new",  ".Junk/cur",
                                     ".Trash", ".Trash/cur", "plain"};
  if (!mkdtemp(dir)) abort();
  root = open(dir, O_RDONLY | O_DIRECTORY);
  for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
    mkdirat(root, dirs[i], 0700);
  put("new/1.a.h,S=100,W=110", "x");
  put("cur/2.b.h,S=200:2,S", "x");
  put(".Junk/new/3.c.h", "12345");
  put(".Trash/cur/4.d.h,S=300:2,ST", "x");
  put("tmp/5.e.h,S=999", "x");
  put("cur/.hidden", "x");
  is_int(room(395, 1), 1, "Maildir++: all mailboxes count; 395 more fit");
  is_str(file(), "1000S,10C\n605 4\n", "the count is kept");
  is_int(room(396, 1), 0, "396 do not");
  is_int(room(0, 7), 0, "nor seven messages more");
  quota_note(root, 100, 1);
  is_str(file(), "1000S,10C\n605 4\n100 1\n", "what comes is noted");
  is_int(room(295, 1), 1, "a yes is believed");
  is_int(room(395, 1), 1, "a no is not: it is counted again");
  is_str(file(), "1000S,10C\n605 4\n", "and written");
  put("maildirsize", "1000S,10C\n900 4\n");
  age(60);
  is_int(room(200, 1), 0, "a fresh count of nothing that changed is believed");
  unlinkat(root, "cur/2.b.h,S=200:2,S", 0);
  age(-60);
  is_int(room(500, 1), 1, "not if a mailbox changed behind it");
  put("maildirsize", "1000S,10C\n900 4\n");
  age(-1000);
  is_int(room(200, 1), 1, "nor after 15 minutes");
  put("maildirsize", "500S\n900 4\n");
  is_int(room(0, 0), 1, "other limits: counted");
  is_str(file(), "1000S,10C\n405 3\n", "and written anew");
  memset(long_text, ' ', sizeof long_text);
  memcpy(long_text, "1000S,10C\n900 4\n", 16);
  long_text[sizeof long_text - 1] = 0;
  put("maildirsize", long_text);
  is_int(room(200, 1), 1, "5120 bytes and more: counted");
  unlinkat(root, "maildirsize", 0);
  quota_note(root, 100, 1);
  is_str(file(), "none", "no file: nothing to note in");
  for (int i = 0; i < 2; i++) {
    quota used;
    is_int(quota_used(root, &LIMIT, &used), 1, "what is used");
    ok(used.bytes == 405 && used.messages == 3, "is counted; then it is read");
    age(60);
  }
  put("maildirsize", "1000S,10C\n9223372036854775807 1\n1 1\n");
  is_int(room(200, 1), 1, "a sum that no number holds: counted");
  unlinkat(root, "maildirsize", 0);
  is_int(quota_room(root, &(quota){0, 0}, &(quota){1, 1}), 1, "no limits");
  is_int(quota_used(root, &(quota){0, 0}, &(quota){1, 1}), 1, "no limits");
  is_str(file(), "none", "and no file");
}

int main(void)
{
  test_read();
  test_mutations();
  test_count();
  return done();
}
