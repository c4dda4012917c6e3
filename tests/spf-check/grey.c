/* needs: spf-check/grey.o spf-check/grey-store.o -llmdb */
/* What greylist-check remembers: against a model, with a clock that jumps; and
   that entries and indexes agree whatever happens. */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lmdb.h>

#include "tap.h"
#include "spf-check/grey.h"

static char dir[32];
static grey_policy policy = {.delay = 300,
                             .window = 7200,
                             .lifetime = 86400,
                             .successes = 3,
                             .entries = 100};

static grey_db *db;

static enum grey_verdict ask(char const *net, char const *from, char const *to,
                             int64_t now, int *seconds)
{
  grey_question q;
  grey_answer a;
  grey_ask(&q, net, from, to, now);
  grey_check(db, &policy, &q, &a);
  if (seconds) *seconds = a.seconds;
  return (enum grey_verdict)a.verdict;
}

static unsigned seen[3], total;

static void each(char const *kind, grey_entry const *e)
{
  (void)e;
  total++;
  seen[*kind == 'g' ? 0 : *kind == 'p' ? 1 : 2]++;
}

static int walk(void)
{
  grey_answer a;
  total = seen[0] = seen[1] = seen[2] = 0;
  return grey_each(db, each, &a);
}

static size_t look(char const *table)
{
  MDB_env *env;
  MDB_txn *txn;
  MDB_dbi dbi;
  MDB_stat st = {0};
  mdb_env_create(&env);
  mdb_env_set_maxdbs(env, 3);
  if (!mdb_env_open(env, dir, MDB_RDONLY, 0600) &&
      !mdb_txn_begin(env, 0, MDB_RDONLY, &txn) &&
      !mdb_dbi_open(txn, table, 0, &dbi))
    mdb_stat(txn, dbi, &st);
  return st.ms_entries;
}

/* Behind the back of grey.c, by another process: LMDB does not want a file
   twice in one. */
static size_t rows(char const *table)
{
  size_t n = 0;
  int p[2];
  pid_t pid;
  if (pipe(p) < 0) return 0;
  fflush(stdout);
  pid = fork();
  if (!pid) {
    n = look(table);
    _exit(write(p[1], &n, sizeof n) != sizeof n);
  }
  if (read(p[0], &n, sizeof n) != sizeof n) n = 0;
  close(p[0]);
  close(p[1]);
  waitpid(pid, 0, 0);
  return n;
}

static void reopen(void)
{
  grey_answer a;
  grey_close(db);
  ok(grey_open(&db, dir, policy.entries, 1, &a) > 0, "opened");
}

static void test_life(void)
{
  int64_t t = 1700000000;
  int s;
  ok(ask("192.0.2.0/24", "a@a.test", "b@b.test", t, &s) == GREY_WAIT, "new");
  is_int(s, 300, "has to wait for all of the delay");
  ok(ask("192.0.2.0/24", "A@a.test", "B@B.test", t + 299, &s) == GREY_WAIT,
     "one second too early, in other case");
  is_int(s, 1, "that second");
  ok(ask("192.0.2.0/24", "a@a.test", "b@b.test", t + 300, 0) == GREY_PASS,
     "then it passes");
  ok(ask("192.0.2.0/24", "a@a.test", "b@b.test", t + 300 + 86399, 0) ==
         GREY_PASS,
     "and for the lifetime");
  ok(ask("192.0.2.0/24", "a@a.test", "b@b.test", t + 300 + 86399 + 86400, 0) ==
         GREY_WAIT,
     "since it was last seen");
  t += 1000000;
  ask("192.0.2.0/24", "late@a.test", "b@b.test", t, 0);
  ok(ask("192.0.2.0/24", "late@a.test", "b@b.test", t + 7200, 0) == GREY_WAIT,
     "who comes after the window is new");
  ok(ask("192.0.3.0/24", "late@a.test", "b@b.test", t + 7600, 0) == GREY_WAIT,
     "another network is another triplet");
}

static void test_network(void)
{
  int64_t t = 1710000000;
  char from[32];
  for (int i = 0; i < 3; i++) {
    snprintf(from, sizeof from, "%d@a.test", i);
    ok(ask("198.51.100.0/24", from, "b@b.test", t, 0) == GREY_WAIT, "new");
  }
  for (int i = 0; i < 3; i++) {
    snprintf(from, sizeof from, "%d@a.test", i);
    ok(ask("198.51.100.0/24", from, "b@b.test", t + 300, 0) == GREY_PASS,
       "passes");
    if (i < 2) ask("198.51.100.0/24", from, "b@b.test", t + 301, 0);
  }
  ok(ask("198.51.100.0/24", "new@a.test", "c@b.test", t + 300, 0) == GREY_KNOWN,
     "three different triplets: the network is known");
  ok(ask("198.51.100.0/24", "new@a.test", "c@b.test", t + 90000, 0) ==
         GREY_WAIT,
     "not for ever");
}

static void test_clock(void)
{
  int64_t t = 1720000000;
  int s;
  ask("203.0.113.0/24", "a@a.test", "b@b.test", t + 99999999, 0);
  ok(ask("203.0.113.0/24", "a@a.test", "b@b.test", t, &s) == GREY_WAIT &&
         s == 300,
     "the clock went back: the delay begins again");
  ok(ask("203.0.113.0/24", "a@a.test", "b@b.test", t + 300, 0) == GREY_PASS,
     "and ends");
  ask("203.0.113.0/24", "c@a.test", "b@b.test", t + 99999999, 0);
  ask("203.0.113.0/24", "c@a.test", "b@b.test", t + 99999999 + 300, 0);
  for (int i = 0; i < 200; i++) {
    char from[32];
    snprintf(from, sizeof from, "%d@a.test", i);
    ask("203.0.114.0/24", from, "b@b.test", t + i, 0);
  }
  walk();
  ok(seen[0] > 40, "what was written in the future leaves room");
  ask("203.0.113.0/24", "d@a.test", "b@b.test", t + 1000, 0);
  ok(ask("203.0.113.0/24", "d@a.test", "b@b.test", t, &s) == GREY_WAIT &&
         s == 300,
     "the clock went back a little: the same");
  ok(ask("203.0.115.0/24", "a@a.test", "b@b.test", INT64_MAX / 2, 0) ==
         GREY_WAIT,
     "a clock far ahead");
  ok(ask("203.0.115.0/24", "a@a.test", "b@b.test", 0, 0) == GREY_WAIT,
     "a clock at 0");
}

static enum grey_verdict from_network(int i, int64_t t)
{
  char net[32];
  snprintf(net, sizeof net, "198.18.%d.0/24", i);
  return ask(net, "a@a.test", "b@b.test", t, 0);
}

static void test_future(void)
{
  int64_t t = 1725000000, future = t + 99999999;
  int known = 0;
  for (int i = 0; i < 60; i++) {
    from_network(i, future);
    from_network(i, future + 300);
  }
  for (int i = 100; i < 160; i++) {
    from_network(i, t + 400 * (i - 100));
    from_network(i, t + 400 * (i - 100) + 300);
  }
  for (int i = 150; i < 160; i++)
    known += from_network(i, t + 25000) == GREY_PASS;
  is_int(known, 10, "what has passed in the future makes room for what passes");
}

/* Random mail of few networks and addresses against a plain model. */
enum { NETS = 3, FROMS = 4 };

static void test_model(void)
{
  struct {
    int64_t first, last;
    int count;
  } m[NETS][FROMS] = {{{0}}};
  int64_t t = 1730000000, net_last[NETS] = {0};
  int net_count[NETS] = {0}, wrong = 0;
  srandom(3);
  policy.successes = 3;
  for (int i = 0; i < 20000; i++) {
    int n = (int)(random() % NETS), f = (int)(random() % FROMS);
    char net[32], from[32];
    enum grey_verdict want, got;
    t += random() % 50 ? random() % 400 : random() % 100000;
    snprintf(net, sizeof net, "10.9.%d.0/24", n);
    snprintf(from, sizeof from, "m%d@a.test", f);
    if (net_count[n] && t - net_last[n] >= policy.lifetime) net_count[n] = 0;
    if (net_count[n] >= 3) {
      want = GREY_KNOWN;
      if (t - net_last[n] >= 3600) net_last[n] = t;
    } else {
      int gone = !m[n][f].first ||
                 (m[n][f].count ? t - m[n][f].last >= policy.lifetime
                                : t - m[n][f].first >= policy.window);
      if (gone) {
        m[n][f].first = m[n][f].last = t;
        m[n][f].count = 0;
        want = GREY_WAIT;
      } else if (!m[n][f].count && t - m[n][f].first < policy.delay) {
        want = GREY_WAIT;
      } else {
        want = GREY_PASS;
        if (!m[n][f].count) {
          net_count[n]++;
          net_last[n] = t;
          m[n][f].count = 1;
          m[n][f].last = t;
        } else if (t - m[n][f].last >= 3600) {
          m[n][f].last = t;
        }
      }
    }
    got = ask(net, from, "b@b.test", t, 0);
    if (got != want && !wrong++)
      printf("# step %d: got %d want %d\n", i, (int)got, (int)want);
  }
  is_int(wrong, 0, "20000 steps as the model says");
}

static void test_jumps(void)
{
  int64_t t = 1740000000;
  int failed = 0;
  srandom(4);
  for (int i = 0; i < 20000; i++) {
    char net[32], from[32];
    snprintf(net, sizeof net, "10.%ld.0.0/24", random() % 200);
    snprintf(from, sizeof from, "%ld@a.test", random() % 3);
    switch (random() % 2000) {
    case 0: t -= random() % 10000000; break;
    case 1: t += random() % 10000000; break;
    default: t += random() % 300;
    }
    if (ask(net, from, "b@b.test", t, 0) >= GREY_FAILED) failed++;
  }
  is_int(failed, 0, "20000 steps with a clock that jumps");
  walk();
  ok(total > 50 && total <= 100, "never more than its entries (%u)", total);
  is_int((long long)rows("entries"), total, "all of them are seen");
  is_int((long long)rows("grey"), seen[0], "each grey one in its index");
  is_int((long long)rows("passed"), seen[1] + seen[2], "and each other one");
}

static void test_expire(void)
{
  grey_answer a;
  long n;
  walk();
  n = grey_expire(db, &policy, INT64_MAX / 4, &a);
  is_int(n, total, "all are over in the far future");
  walk();
  is_int(total, 0, "and gone");
  is_int((long long)(rows("grey") + rows("passed")), 0, "from the indexes too");
}

static void test_long(void)
{
  char a[5000], b[5000];
  memset(a, 'a', sizeof a);
  memset(b, 'a', sizeof b);
  a[4999] = b[4999] = 0;
  b[3000] = 'b';
  is_int(ask("n", a, a, 1750000000, 0), GREY_WAIT, "a long address");
  is_int(ask("n", b, a, 1750000300, 0), GREY_WAIT, "another one");
  is_int(ask("n", a, a, 1750000300, 0), GREY_PASS, "counts in full");
}

static void test_none(void)
{
  grey_db *other;
  grey_answer a;
  ok(grey_open(&other, "/nonexistent", 100, 1, &a) < 0 && *a.why && !other,
     "no directory");
}

int main(void)
{
  char s[64];
  /* in memory: each answer is written to the disk */
  snprintf(dir, sizeof dir, "%s/grey.XXXXXX",
           access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
  if (!mkdtemp(dir)) return 1;
  reopen();
  test_life();
  test_network();
  test_clock();
  test_future();
  grey_close(db);
  db = 0;
  snprintf(s, sizeof s, "%s/data.mdb", dir);
  unlink(s);
  policy.entries = 1000;
  reopen();
  test_model();
  policy.entries = 100;
  reopen();
  test_jumps();
  test_expire();
  test_long();
  test_none();
  grey_close(db);
  unlink(s);
  snprintf(s, sizeof s, "%s/lock.mdb", dir);
  unlink(s);
  rmdir(dir);
  return done();
}
