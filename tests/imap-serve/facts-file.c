/* needs: imap-serve/facts-file.o imap-serve/facts-write.o imap-serve/uidlist.o imap-serve/uidlist-read.o imap-serve/uidlist-write.o imap-serve/uidvalidity.o imap-serve/dotlock.o */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "imap-serve/dotlock.h"
#include "imap-serve/facts-file.h"
#include "mutate.h"
#include "tap.h"

static char where[] = "/tmp/facts-file.XXXXXX";
static int dir;
static stralloc value = STRALLOC_ZERO;

static void file(char const *s, size_t len)
{
  int fd = openat(dir, FACTS_FILE, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (write(fd, s, len) < 0) _exit(111);
  close(fd);
}

static size_t content(char *to, size_t size)
{
  int fd = openat(dir, FACTS_FILE, O_RDONLY);
  ssize_t n = read(fd, to, size);
  close(fd);
  return n < 0 ? 0 : (size_t)n;
}

static void is_file(char const *want, char const *what)
{
  char buf[8192];
  is_mem(buf, content(buf, sizeof buf), want, what);
}

static void has(facts const *f, char const *key, char const *want,
                char const *what)
{
  int r = facts_get(f, key, &value);
  if (!want)
    is_int(r, 0, what);
  else if (ok(r == 1, "%s: is there", what))
    is_mem(value.s, value.len, want, what);
}

static int count(char const *argument, char const *s, size_t len, void *data)
{
  (void)argument, (void)s, (void)len;
  ++*(int *)data;
  return 1;
}

static void reads(void)
{
  static char const text[] = "highestmodseq 1000\n"
                             "mailboxid abc\n"
                             "meta /private/comment Mine%0D%0A100%25 %41\n"
                             "meta /shared/comment ours\n"
                             "savedate 7 1234\n"
                             "highestmodseq 2000\n"
                             "mailboxid \n"
                             "HIGHESTMODSEQ 5\n"
                             "highestmodseq 3%00%\n"
                             "highestmodseq 9\t9\n"
                             "highestmodseq 30";
  facts f = FACTS_ZERO;
  uint64_t n;
  int seen = 0;
  is_int(facts_read(&f, dir), 0, "no file");
  has(&f, "highestmodseq", 0, "no facts");
  file(text, sizeof text - 1);
  is_int(facts_read(&f, dir), 1, "a file");
  is_int(facts_read(&f, dir), 0, "the same file");
  has(&f, "highestmodseq", "2000",
      "the last whole line of a key; damaged ones are not read");
  is_int(facts_number(&f, "highestmodseq", &n) ? (int)n : -1, 2000, "a number");
  is_int(facts_number(&f, "meta /shared/comment", &n), 0, "not a number");
  has(&f, "meta /private/comment", "Mine\r\n100% A", "escapes");
  has(&f, "meta /shared/comment", "ours", "another argument");
  has(&f, "meta /shared", 0, "a part of an argument");
  has(&f, "mailboxid", 0, "taken back");
  is_int(facts_each(&f, "meta", count, &seen), 1, "each of a word");
  is_int(seen, 2, "once");
  is_int(unlinkat(dir, FACTS_FILE, 0), 0, "removed");
  is_int(facts_read(&f, dir), 1, "the file is gone");
  has(&f, "highestmodseq", 0, "and its facts");
  facts_free(&f);
}

static void writes(void)
{
  facts f = FACTS_ZERO;
  is_int(facts_set(dir, "mailboxid", "a1", 2), 1, "set in a new file");
  is_int(facts_set(dir, "meta /private/x", "a\nb%\0\xc3\xa4", 7), 1, "bytes");
  is_file("mailboxid a1\nmeta /private/x a%0Ab%25%00\xc3\xa4\n",
          "stand as lines");
  is_int(facts_set(dir, "mailboxid", "a1", 2), 1, "the same again");
  is_file("mailboxid a1\nmeta /private/x a%0Ab%25%00\xc3\xa4\n",
          "writes nothing");
  is_int(faccessat(dir, "dovecot-uidlist.lock", F_OK, 0), -1, "no lock stays");
  is_int(facts_set(dir, "meta /private/x", 0, 0), 1, "taken back");
  is_int(facts_read(&f, dir), 1, "read");
  has(&f, "meta /private/x", 0, "is not there");
  is_int(facts_set(dir, "Word", "1", 1) < 0 && errno == EINVAL, 1, "a bad key");
  is_int(facts_set(dir, "a b", "1", 1) < 0 && errno == EINVAL, 1,
         "a word that has no argument");
  is_int(facts_set(dir, "meta /a\nb", "1", 1) < 0 && errno == EINVAL, 1,
         "a line end in a key");
  file(BYTES("mailboxid a1\nhighestmodseq 10"));
  is_int(facts_set(dir, "use", "\\Sent", 5), 1, "behind a line without end");
  is_file("mailboxid a1\nuse \\Sent\n", "which goes");
  facts_free(&f);
}

static void replaces(void)
{
  facts f = FACTS_ZERO;
  char number[21], buf[16384];
  int good = 1;
  uint64_t n = 0;
  file(BYTES("broken\tline\nmailboxid a1\n"));
  for (int i = 1; i <= 1000; i++) {
    int len = snprintf(number, sizeof number, "%d", i * 1000);
    good &= facts_put(&f, dir, "highestmodseq", number, (size_t)len) == 1;
  }
  ok(good, "a word is set 1000 times");
  ok(content(buf, sizeof buf) < 8500, "the file stays small");
  ok(!memmem(buf, 12, "broken", 6), "a damaged line is gone");
  is_int(facts_number(&f, "highestmodseq", &n) ? (long long)n : -1, 1000000,
         "the newest value");
  has(&f, "mailboxid", "a1", "what was not set stays");
  facts_free(&f);
}

/* Whatever the file holds: read, set, and what was set is there. */
static int survives(char *s, size_t len)
{
  facts f = FACTS_ZERO;
  uint64_t n = 0;
  int whole;
  file(s, len);
  if (facts_read(&f, dir) < 0) return -1;
  whole = facts_number(&f, "highestmodseq", &n) && n == 2000 &&
          facts_get(&f, "meta /private/comment", &value) == 1 &&
          value.len == 5 && !memcmp(value.s, "M\r\n%e", 5);
  if (facts_put(&f, dir, "use", "\\Junk", 5) < 0 ||
      facts_get(&f, "use", &value) != 1 || value.len != 5)
    return -1;
  facts_free(&f);
  return whole;
}

static void mutants(void)
{
  static mutants_input const valid[] = {
      {BYTES("highestmodseq 1000\nmeta /private/comment M%0D%0A%25e\n"
             "highestmodseq 2000\nsavedate 3 99\n")}};
  show_mutants("facts", valid, " %\n0Aam/-\0\r\xff", survives);
}

int main(void)
{
  if (!mkdtemp(where)) return 111;
  dir = open(where, O_RDONLY | O_DIRECTORY);
  reads();
  writes();
  replaces();
  mutants();
  unlinkat(dir, FACTS_FILE, 0);
  rmdir(where);
  return done();
}
