/* needs: queue-run/plan.o queue-run/plan-part.o queue-run/plan-line.o queue-run/plan-sleep.o queue-run/plan-hash.o queue-run/plan-heap.o queue-run/plan-take.o queue-run/plan-renew.o queue-run/run-key.o queue-run/queue-dir.o queue-run/queue-file.o queue-run/queue-line.o queue-run/schedule.o -lidn2 -lutf8proc */
/* queue-run's plan: fair turns, windows, sleep, the heap, memory. */
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "queue-run/plan-part.h"
#include "tap.h"

#define MANY 2000

/* A plan lives as long as its process: nothing frees one. */
char const *__asan_default_options(void);
char const *__asan_default_options(void)
{
  return "detect_leaks=0";
}

static run_config config = {.when = SCHEDULE_ZERO,
                            .lanes = 40,
                            .lanes_per = 5,
                            .soon = 15,
                            .rest = 300};
static plan p;
static unsigned made;
static unsigned seed = 1;

static void begin(void)
{
  char dir[] = "/tmp/plan.XXXXXX";
  if (config.queue > 0) close(config.queue);
  if (!mkdtemp(dir)) exit(111);
  config.queue = open(dir, O_RDONLY | O_DIRECTORY);
  rmdir(dir);
  if (plan_init(&p, &config) < 0) exit(111);
}

static message *add_message(uint64_t name)
{
  char id[QUEUE_ID + 1];
  queue_id_put(id, (uint64_t)time(0) * 1000000 + made++, 7);
  return message_new(&p, id, sender_get(&p, name));
}

static job *add_at(message *m, char const *key, long long due)
{
  job *j = job_new(&p, m, destination_get(&p, key), due);
  if (due)
    wait_for(&p, j, due);
  else
    line_up(&p, j);
  return j;
}

static job *add(uint64_t name, char const *key)
{
  return add_at(add_message(name), key, 0);
}

/* Lanes as queue-run has them: it gives what it can. */
static job *lanes[1000];
static unsigned busy;

static void dispatch(unsigned most)
{
  line *l;
  while (busy < most && (l = plan_next(&p))) {
    job *j = plan_job(&p, l);
    if (j) lanes[busy++] = j;
  }
}

/* The oldest ends; who was that? */
static uint64_t end_one(void)
{
  job *j = lanes[0];
  uint64_t name = j->m->s->name;
  memmove(lanes, lanes + 1, --busy * sizeof *lanes);
  plan_window(&p, j->d, config.lanes_per);
  plan_done(&p, j, 0, 0);
  return name;
}

/* How many end before the one of sender 2. */
static unsigned before(unsigned most)
{
  unsigned n = 0;
  for (;;) {
    dispatch(most);
    if (!busy) return 1U << 30;
    if (end_one() == 2) return n;
    n++;
  }
}

static void drain(unsigned most)
{
  for (dispatch(most); busy; dispatch(most)) end_one();
}

static int nothing_left(void)
{
  return !p.jobs && !p.messages.count && !p.destinations.count &&
         !p.senders.count && !p.lines.count && !p.waiting.count &&
         link_empty(&p.idle) && link_empty(&p.served);
}

static void test_one_destination(void)
{
  begin();
  for (unsigned i = 0; i < MANY; i++) add(1, "Rd.test");
  add(2, "Rd.test");
  ok(before(40) <= 2, "one destination: 2,000 of one sender are not before "
                      "the one of another");
  drain(40);
  ok(nothing_left(), "and nothing is left");
}

static void test_many_destinations(void)
{
  char key[32];
  unsigned n;
  begin();
  for (unsigned i = 0; i < MANY; i++) {
    snprintf(key, sizeof key, "Rd%u.test", i);
    add(1, key);
  }
  add(2, "Rother.test");
  n = before(40);
  ok(n <= 1, "2,000 destinations: the same (%u before it)", n);
  drain(40);
  ok(nothing_left(), "and nothing is left");
}

/* All lanes are busy when the other one comes. */
static void test_late(void)
{
  char key[32];
  unsigned n;
  begin();
  for (unsigned i = 0; i < MANY; i++) {
    snprintf(key, sizeof key, "Rd%u.test", i);
    add(1, key);
    add(1, "Rd7.test");
  }
  dispatch(40);
  add(2, "Rd7.test");
  n = before(40);
  ok(n <= 45, "a later one, to a place among those: %u, which had lanes", n);
  drain(40);
  ok(nothing_left(), "and nothing is left");
}

static void test_turns(void)
{
  unsigned count[11] = {0};
  begin();
  for (unsigned i = 0; i < 300; i++)
    for (uint64_t s = 1; s <= 10; s++)
      if (s == 1 || i < 30) add(s, i % 2 ? "Ra.test" : "Rb.test");
  for (unsigned i = 0; i < 100; i++) {
    dispatch(4);
    count[end_one()]++;
  }
  ok(count[1] <= 11 && count[10] >= 9,
     "ten senders have the same share: "
     "%u and %u of 100",
     count[1], count[10]);
  drain(4);
  ok(nothing_left(), "and nothing is left");
}

/* Anything happens; each job ends once, and no destination has more lanes than
   it may. */
static void some_event(unsigned *ended)
{
  unsigned i = (unsigned)rand_r(&seed) % (busy ? busy : 1);
  job *j = busy ? lanes[i] : 0;
  if (!j) return;
  memmove(lanes + i, lanes + i + 1, (--busy - i) * sizeof *lanes);
  plan_window(&p, j->d, 1 + (unsigned)rand_r(&seed) % 5);
  switch (rand_r(&seed) % 8) {
  case 0: plan_again(&p, j); break;
  case 1: plan_later(&p, j, 1 + rand_r(&seed) % 9, 0); break;
  case 2:
    plan_down(&p, j->d, "451 4.4.1 no");
    plan_later(&p, j, 1, rand_r(&seed) % 2);
    break;
  case 3: plan_up(&p, j->d); /* fall through */
  default:
    *ended += *j->d->key != RUN_BOUNCE;
    plan_done(&p, j, rand_r(&seed) % 8 == 0, 0);
  }
}

static void test_random(void)
{
  io_time now = io_now();
  unsigned ended = 0, wrong = 0, all = 0;
  char key[32];
  begin();
  config.when.warn = 0;
  for (unsigned round = 0; round < 60000 && (round < 20000 || p.jobs);
       round++) {
    if (round < 20000 && rand_r(&seed) % 2) {
      message *m = add_message((uint64_t)(1 + rand_r(&seed) % 20));
      m->busy++; /* as while it is read: nothing ends meanwhile */
      for (int n = rand_r(&seed) % 3; n >= 0; n--) {
        snprintf(key, sizeof key, "Rd%u.test", (unsigned)rand_r(&seed) % 50);
        add_at(m, key, rand_r(&seed) % 2);
        all++;
      }
      m->busy--;
    }
    if (rand_r(&seed) % 10 == 0) plan_due(&p, 10);
    if (rand_r(&seed) % 50 == 0) plan_awake(&p, (now += 3600000));
    if (round % 1000 == 0) plan_all_due(&p);
    dispatch(30);
    for (unsigned i = 0; i < busy; i++)
      wrong += lanes[i]->d->busy > 5 || !lanes[i]->m->running;
    some_event(&ended);
    if (round > 20000) {
      plan_due(&p, (long long)time(0) + 1000);
      plan_awake(&p, (now += 3600000));
    }
  }
  drain(30);
  plan_awake(&p, (now += 3600000));
  ok(!wrong, "windows are kept");
  is_int(ended, all, "each job ends once, whatever happens");
  ok(nothing_left(), "and nothing is left");
  config.when.warn = 14400;
}

/* Who is down is left alone; what is overdue is told without an attempt. */
static void test_down(void)
{
  char id[QUEUE_ID + 1];
  uint64_t now = (uint64_t)time(0);
  destination *d;
  job *j;
  begin();
  for (unsigned i = 0; i < 4; i++) add(1, "Rd.test");
  queue_id_put(id, (now - 14500) * 1000000, 1);
  add_at(message_new(&p, id, sender_get(&p, 3)), "Rd.test", 0);
  queue_id_put(id, (now - 500000) * 1000000, 1);
  add_at(message_new(&p, id, sender_get(&p, 4)), "Rd.test", 0);
  d = destination_get(&p, "Rd.test");
  dispatch(40);
  is_int(busy, 1, "the first attempt is one");
  j = lanes[0];
  busy = 0;
  plan_down(&p, d, "451 4.4.1 d.test: no host answers");
  plan_later(&p, j, (long long)now + 400, 0);
  dispatch(40);
  is_int(busy, 2, "it is down: nothing goes there, but two are overdue");
  ok(!strcmp(lanes[0]->d->key, "Xd.test") &&
         !strcmp(lanes[0]->d->reply, "451 4.4.1 d.test: no host answers"),
     "they are told what was said of it");
  plan_later(&p, lanes[0], (long long)now, 0);
  plan_done(&p, lanes[1], 0, 0);
  busy = 0;
  plan_due(&p, (long long)now);
  plan_awake(&p, io_after(14000));
  dispatch(40);
  is_int(busy, 0, "then there is rest for 15 s");
  plan_awake(&p, io_after(15000));
  dispatch(40);
  is_int(busy, 1, "and one looks whether it is back");
  plan_down(&p, d, "451 4.4.1 still");
  plan_later(&p, lanes[0], (long long)now + 400, 0);
  busy = 0;
  plan_awake(&p, io_after(29000));
  dispatch(40);
  is_int(busy, 0,
         "30 s the next time; whom the delay was told is not "
         "overdue again");
  plan_awake(&p, io_after(31000));
  dispatch(40);
  plan_window(&p, d, 2);
  plan_up(&p, d);
  dispatch(40);
  is_int(busy, 2, "it is back: on as ever");
  plan_due(&p, (long long)now + 1000);
  drain(40);
  ok(nothing_left(), "and nothing is left");
}

static void test_probes(void)
{
  char key[32];
  begin();
  for (unsigned i = 0; i < 100; i++) {
    snprintf(key, sizeof key, "Rd%u.test", i);
    add(1, key);
    destination_get(&p, key)->down = 1;
  }
  dispatch(40);
  is_int(busy, 20, "looking who is back takes half of the lanes at most");
  for (unsigned i = 0; i < busy; i++) plan_up(&p, lanes[i]->d);
  drain(40);
  for (unsigned i = 1; i < 5; i++) {
    plan_awake(&p, io_after(i * 2000));
    drain(40);
  }
  ok(nothing_left(), "the others get their turn");
}

static int by_due(void const *a, void const *b)
{
  long long x = *(long long const *)a, y = *(long long const *)b;
  return x < y ? -1 : x > y;
}

static void test_heap(void)
{
  enum { N = 5000 };
  static timed t[N];
  static long long due[N];
  heap h = {.count = 0};
  unsigned n = 0, wrong = 0;
  heap_reserve(&h, N);
  for (unsigned i = 0; i < N; i++) heap_push(&h, t + i, rand_r(&seed) % 1000);
  for (unsigned i = 0; i < N; i++)
    if (rand_r(&seed) % 3 == 0)
      heap_remove(&h, t + i);
    else
      due[n++] = t[i].due;
  qsort(due, n, sizeof *due, by_due);
  is_int((long long)h.count, n, "what was removed is not in the heap");
  for (unsigned i = 0; i < n; i++) wrong += heap_pop(&h)->due != due[i];
  ok(!wrong && !heap_pop(&h), "the rest comes in order");
  free(h.v);
}

#ifdef ROHRPOST_SAN
static void test_memory(void)
{
  ok(1, "memory # SKIP not with sanitizers");
}
#else
static size_t used(void)
{
  struct mallinfo2 m = mallinfo2();
  return m.uordblks + m.hblkhd;
}

static void test_memory(void)
{
  enum { N = 50000 };
  char key[64];
  size_t before_all, each;
  begin();
  before_all = used();
  for (unsigned i = 0; i < N; i++) {
    snprintf(key, sizeof key, "Rmail.domain%u.example.org", i % 5000);
    add_at(add_message(i % 1000), key, 1000 + i);
  }
  each = (used() - before_all) / N;
  ok(each <= 200, "memory of a message that waits: %zu bytes", each);
  plan_due(&p, 1000 + N);
  each = (used() - before_all) / N;
  ok(each <= 250, "all due, for 5,000 places from 1,000 senders: %zu", each);
  drain(1000);
  ok(nothing_left(), "nothing is left");
}
#endif

int main(void)
{
  if (!freopen("/dev/null", "w", stderr)) return 111;
  test_heap();
  test_one_destination();
  test_many_destinations();
  test_late();
  test_turns();
  test_down();
  test_probes();
  test_random();
  test_memory();
  return done();
}
