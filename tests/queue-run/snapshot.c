/* needs: queue-run/snapshot.o queue-run/snapshot-read.o queue-run/plan.o queue-run/plan-take.o queue-run/plan-renew.o queue-run/plan-part.o queue-run/plan-line.o queue-run/plan-sleep.o queue-run/plan-hash.o queue-run/plan-heap.o queue-run/run-key.o queue-run/queue-dir.o queue-run/queue-file.o queue-run/queue-line.o queue-run/schedule.o -lsodium -lidn2 -lutf8proc */
/* queue-run's snapshot: what is written is read again; what is damaged is not
   believed and does no harm. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue-run/plan-part.h"
#include "queue-run/snapshot.h"
#include "tap.h"

#define MESSAGES 300

/* A plan lives as long as its process: nothing frees one. */
char const *__asan_default_options(void);
char const *__asan_default_options(void)
{
  return "detect_leaks=0";
}

static run_config config = {
    .when = SCHEDULE_ZERO, .lanes = 40, .lanes_per = 5, .rest = 300};
static char dir[] = "/tmp/snapshot.XXXXXX";
static unsigned seed = 1;

static void add(plan *p, unsigned i)
{
  char id[QUEUE_ID + 1], key[64];
  message *m;
  queue_id_put(id, 1800000000000000 + i, i % 3);
  m = message_new(p, id, sender_get(p, 1000 + i % 7));
  for (unsigned n = 0; n <= i % 3; n++) {
    destination *d;
    job *j;
    snprintf(key, sizeof key, "%s%u.test", n ? "Rd" : "Re", i % 11 + n * 20);
    d = destination_get(p, i % 5 || n ? key : "L");
    j = job_new(p, m, d, 100 + i);
    j->t.unsure = i % 4 == 0;
    j->t.warned = i % 6 == 0;
    if (i % 2)
      line_up(p, j);
    else
      wait_for(p, j, 100 + i);
  }
}

/* Everything of each job, as one number that does not depend on the order. */
typedef struct total {
  uint64_t sum;
  unsigned jobs;
} total;

static void add_up(total *t, job const *j)
{
  char text[RUN_KEY + 200];
  int n = snprintf(text, sizeof text, "%llu %u %llu %s %lld %d %d",
                   (unsigned long long)j->m->time, j->m->process,
                   (unsigned long long)j->m->s->name, j->d->key, j->t.due,
                   j->t.unsure, j->t.warned);
  t->sum += hash_bytes(text, (size_t)n);
  t->jobs++;
}

static void add_line(plan_node *n, void *data)
{
  line *l = (line *)(void *)n;
  for (job *j = l->first; j; j = j->next) add_up(data, j);
}

static total all(plan *p)
{
  total t = {0};
  for (size_t i = 0; i < p->waiting.count; i++)
    add_up(&t, LINK_OF(job, t, p->waiting.v[i]));
  hash_each(&p->lines, add_line, &t);
  return t;
}

/* Frees what a load has made. */
static void empty(plan *p)
{
  timed *t;
  while ((t = heap_pop(&p->waiting))) {
    job *j = LINK_OF(job, t, t);
    message *m = j->m;
    job_free(p, j);
    if (!m->jobs) message_free(p, m);
  }
}

static char *contents(size_t *n)
{
  int fd = openat(config.queue, QUEUE_SNAPSHOT, O_RDONLY);
  struct stat st;
  char *s;
  fstat(fd, &st);
  *n = (size_t)st.st_size;
  s = malloc(*n + 1);
  if (!s || read(fd, s, *n) != st.st_size) exit(111);
  close(fd);
  return s;
}

static long long load(plan *p, char const *s, size_t n)
{
  int fd = openat(config.queue, "x", O_RDWR | O_CREAT | O_TRUNC, 0600);
  long long r;
  if (write(fd, s, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET)) exit(111);
  r = snapshot_load(p, fd);
  close(fd);
  return r;
}

/* The last line as it must be for what stands before. */
static size_t seal(char *s, size_t n)
{
  long long jobs = 0;
  for (size_t i = 0; i < n; i++) jobs += s[i] == 'J' && i && s[i - 1] == '\n';
  return n + (size_t)sprintf(s + n, "end %lld %llx\n", jobs,
                             (unsigned long long)hash_more(0, s, n));
}

static void test_whole(plan *p)
{
  plan q;
  total before, after;
  struct stat st;
  for (unsigned i = 0; i < MESSAGES; i++) add(p, i);
  before = all(p);
  is_int(snapshot_write(p), 1, "it is written");
  plan_init(&q, &config);
  snapshot_read(&q, 1);
  after = all(&q);
  ok(before.sum == after.sum && before.jobs == after.jobs,
     "and read: %u jobs, each as it was", after.jobs);
  ok(fstatat(config.queue, QUEUE_SNAPSHOT, &st, 0) < 0, "it is gone then");
  empty(&q);
  ok(!q.jobs && !q.messages.count && !q.destinations.count,
     "nothing else was made of it");
  snapshot_write(p);
  snapshot_read(&q, 0);
  ok(!q.jobs && fstatat(config.queue, QUEUE_SNAPSHOT, &st, 0) < 0,
     "after an unclean stop it is not believed, and removed");
}

/* What the sender is to be told of is found in the file. */
static void test_failed(plan *p)
{
  plan q;
  message *m;
  char id[QUEUE_ID + 1];
  queue_id_put(id, 1800000000000001, 1);
  m = message_find(p, id);
  m->failed = 1;
  snapshot_write(p);
  plan_init(&q, &config);
  snapshot_read(&q, 1);
  ok(!message_find(&q, id) && q.messages.count == MESSAGES - 1,
     "a message whose sender is to be told is left to the scan");
  empty(&q);
  m->failed = 0;
}

static void test_damaged(plan *p)
{
  plan q;
  size_t n, end;
  char *s, *t;
  unsigned believed = 0;
  snapshot_write(p);
  s = contents(&n);
  t = malloc(n + 4096);
  plan_init(&q, &config);
  for (size_t i = 0; i < n; i += 1 + n / 400) {
    believed += load(&q, s, i) >= 0;
    memcpy(t, s, n);
    t[i] ^= (char)(1 << rand_r(&seed) % 8);
    believed += load(&q, t, n) >= 0;
  }
  memcpy(t, s, n);
  memcpy(t + n, "x\n", 2);
  believed += load(&q, t, n + 2) >= 0;
  ok(!believed && !q.jobs, "cut or changed anywhere, it is not believed");
  for (end = n - 2; s[end] != '\n'; end--)
    ;
  memcpy(t, s, ++end);
  ok(load(&q, t, seal(t, end)) == all(p).jobs, "sealed again it is");
  empty(&q);
  for (unsigned i = 0; i < 1000; i++) {
    memcpy(t, s, end);
    for (unsigned k = 0; k < 3; k++)
      t[30 + (size_t)rand_r(&seed) % (end - 30)] =
          "\n DJ0-9f\xff"[rand_r(&seed) % 10];
    load(&q, t, seal(t, end));
    empty(&q);
  }
  ok(!q.jobs && !q.messages.count && !q.destinations.count,
     "damage that the sum does not show does no harm");
  free(s);
  free(t);
}

static void test_odd(void)
{
  static char const *const odd[] = {
      "J 0000000000000000 1 0 5 0\n",
      "D Rd.test\nJ 0000000000000000 1 1 5 0\n",
      "D Rd.test\nJ 0000000000000000 1 0 -5 0\n",
      "D Rd.test\nJ 0000000000000000 1 0 5 4\n",
      "D Rd.test\nJ 0000000000000000 1 0 5 0 \n",
      "D Rd.test\nJ 0000000000000000 1 0 99999999999999999999 0\n",
      "D Rd.test\nJ 000000000000000/ 1 0 5 0\n",
      "D Xd.test\n",
      "D \n",
      "Z\n",
      "\n",
  };
  plan q;
  unsigned wrong = 0;
  plan_init(&q, &config);
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
    char s[1024];
    snprintf(s, sizeof s, "%s%s", SNAPSHOT_MAGIC, odd[i]);
    wrong += load(&q, s, seal(s, strlen(s))) >= 0;
    empty(&q);
  }
  ok(!wrong, "lines that nobody writes are refused");
  ok(load(&q, "", 0) < 0, "so is nothing");
}

int main(void)
{
  static plan p;
  if (!freopen("/dev/null", "w", stderr) || !mkdtemp(dir)) return 111;
  config.queue = open(dir, O_RDONLY | O_DIRECTORY);
  if (plan_init(&p, &config) < 0) return 111;
  test_whole(&p);
  test_failed(&p);
  test_damaged(&p);
  test_odd();
  unlinkat(config.queue, QUEUE_SNAPSHOT, 0);
  unlinkat(config.queue, "x", 0);
  rmdir(dir);
  return done();
}
