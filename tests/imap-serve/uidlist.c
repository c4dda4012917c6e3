/* needs: imap-serve/uidlist.o imap-serve/uidlist-read.o imap-serve/uidlist-write.o imap-serve/uidvalidity.o imap-serve/dotlock.o */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "imap-serve/dotlock.h"
#include "imap-serve/uidlist.h"
#include "mutate.h"
#include "tap.h"

static char where[] = "/tmp/uidlist.XXXXXX";
static int dir;

static void file(char const *s)
{
  int fd = openat(dir, UIDLIST_FILE, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (write(fd, s, strlen(s)) < 0) _exit(111);
  close(fd);
}

static void content(char const *want, char const *what)
{
  char buf[4096];
  int fd = openat(dir, UIDLIST_FILE, O_RDONLY);
  ssize_t n = read(fd, buf, sizeof buf);
  close(fd);
  is_mem(buf, n < 0 ? 0 : (size_t)n, want, what);
}

static void reads(void)
{
  uidlist l = UIDLIST_ZERO;
  is_int(uidlist_read(&l, dir), 0, "no list");
  is_int(l.validity, 0, "has no UIDVALIDITY");
  file("3 V17 N9 Gabc Xfoo\n2 :a,S=1\n5 W30 S20 :b:c\n");
  is_int(uidlist_read(&l, dir), 1, "version 3");
  is_int(l.validity, 17, "V");
  is_int(l.next, 9, "N");
  is_str(l.guid, "abc", "G");
  is_int(l.n, 2, "two records");
  is_int(l.v[1].uid, 5, "with its UID");
  is_str(uidlist_name(&l, 1), "b:c", "and name behind extensions");
  is_int(uidlist_find(&l, "a,S=1", 5), 0, "found by name");
  is_int(uidlist_find(&l, "a", 1), UIDLIST_NONE, "not by a part of it");
  is_int(uidlist_read(&l, dir), 0, "nothing new");
  is_int(uidlist_add(&l, "c", 1), 1, "one more");
  is_int(l.v[2].uid, 9, "gets the next UID");
  is_int(uidlist_commit(&l, dir, 1), 1, "is written");
  content("3 V17 N9 Gabc Xfoo\n2 :a,S=1\n5 W30 S20 :b:c\n9 :c\n",
          "at the end, the rest as it was");
  is_int(uidlist_replace(&l, dir, 1, (unsigned char const *)"\1\0\1"), 1,
         "replaced without the dead");
  content("3 V17 N10 Gabc Xfoo\n2 :a,S=1\n9 :c\n", "next UID in the header");
  is_int(uidlist_find(&l, "b:c", 3), UIDLIST_NONE, "the dead is forgotten");
  is_int(uidlist_add(&l, "a,S=1", 5), 1, "a name again");
  is_int(uidlist_commit(&l, dir, 1), 1, "is written");
  content("3 V17 N11 Gabc Xfoo\n9 :c\n10 :a,S=1\n", "with its newest UID");
  uidlist_free(&l);
}

static void damage(void)
{
  uidlist l = UIDLIST_ZERO;
  file("3 V17 N9 Gabc\n2 :a\n1 :b\nx\n3 :c\n4 :d");
  is_int(uidlist_read(&l, dir), 1, "a damaged list");
  is_int(l.n, 2, "keeps what can be read");
  is_int(l.damaged, 1, "and is known to be damaged");
  is_int(uidlist_commit(&l, dir, 1), 1, "and replaced");
  content("3 V17 N9 Gabc\n2 :a\n3 :c\n", "by a right one");
  uidlist_free(&l);
  file("nonsense\n1 :a\n");
  is_int(uidlist_read(&l, dir), 1, "nonsense");
  is_int(l.validity, 0, "is no list");
  is_int(uidlist_commit(&l, dir, 99), 1, "and replaced");
  is_int(l.validity, 99, "with a new UIDVALIDITY");
  uidlist_free(&l);
  file("1 123 5\n3 x\n");
  is_int(uidlist_read(&l, dir), 1, "version 1");
  is_int(l.validity, 123, "UIDVALIDITY");
  is_str(uidlist_name(&l, 0), "x", "and names");
  uidlist_free(&l);
}

static void ends(void)
{
  uidlist l = UIDLIST_ZERO;
  file("3 V17 N3 Gabc\n2 :a\n7 :b\n");
  is_int(uidlist_read_end(&l, dir), 1, "only the end");
  is_int(l.next, 8, "tells the next UID");
  is_int(l.n, 0, "without records");
  uidlist_add(&l, "n", 1);
  is_int(uidlist_commit(&l, dir, 1), 1, "one more");
  content("3 V17 N3 Gabc\n2 :a\n7 :b\n8 :n\n", "is appended");
  uidlist_free(&l);
  file("3 V17 N3 Gabc\n2 :a\n7 :b");
  is_int(uidlist_read_end(&l, dir), 1, "a line without its end");
  is_int(l.n, 1, "makes it read the whole");
  uidlist_free(&l);
}

/* Whatever is in the file: no crash, ascending UIDs, and what is written can
   be read. */
static void mutations(void)
{
  static char const good[] =
      "3 V1700000000 N12 G0123456789abcdef0123456789abcdef\n"
      "1 :1.M1P1.h,S=10,W=12\n2 W12 :2.M2P2.h\n11 S3 W4 Gxx :3.M3P3.h:2\n";
  unsigned wrong = 0;
  for (unsigned i = 0; i < 3000; i++) {
    uidlist l = UIDLIST_ZERO, again = UIDLIST_ZERO;
    char *s = mutate_text(good, BYTES("0129 :\nVN3,ax\377\0"));
    unlinkat(dir, UIDLIST_FILE, 0);
    file(s);
    free(s);
    if (uidlist_read(&l, dir) < 0) wrong++;
    for (size_t n = 1; n < l.n; n++) wrong += l.v[n].uid <= l.v[n - 1].uid;
    if (uidlist_add(&l, "new", 3) > 0 && uidlist_commit(&l, dir, 5) < 0)
      wrong++;
    if (uidlist_read(&again, dir) < 0 || again.validity != l.validity ||
        again.next != l.next || again.n != l.n)
      wrong++;
    uidlist_free(&l);
    uidlist_free(&again);
  }
  is_int(wrong, 0, "3000 mutations are read, mended and read again");
}

static void locks(void)
{
  int fd;
  struct stat st;
  is_int(uidlist_lock(dir), 1, "the lock");
  uidlist_unlock(dir);
  fd = openat(dir, UIDLIST_FILE ".lock", O_WRONLY | O_CREAT, 0600);
  dprintf(fd, "999999999:");
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  dprintf(fd, "%s", host);
  close(fd);
  is_int(uidlist_lock(dir), 1, "a dead process's lock is broken");
  uidlist_unlock(dir);
  is_int(fstatat(dir, UIDLIST_FILE ".lock", &st, 0), -1, "and dropped");
}

static void validity(void)
{
  uint32_t a = uidvalidity_next(dir), b = uidvalidity_next(dir);
  ok(a && b == a + 1, "UIDVALIDITY counts up");
}

int main(void)
{
  if (!mkdtemp(where)) return 111;
  dir = open(where, O_RDONLY | O_DIRECTORY);
  reads();
  damage();
  ends();
  mutations();
  locks();
  validity();
  if (!fork()) execlp("rm", "rm", "-rf", where, (char *)0);
  return done();
}
