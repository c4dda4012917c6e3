/* needs: queue-run/edit-via.o queue-run/via.o queue-run/work-file.o queue-run/run-key.o queue-run/queue-new.o queue-run/queue-dir.o queue-run/queue-file.o queue-run/queue-line.o -lidn2 -lutf8proc */
/* Messages as queue-put leaves them: another way for some recipients, and what
   a lane keeps open from one order to the next; edited, removed and damaged in
   between, and without memory. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nomem.h"
#include "queue-run/edit-via.h"
#include "queue-run/work-file.h"

#define MANY 120

static char place[] = "/tmp/queued.XXXXXX", id[QUEUE_ID + 1];
static char path[QUEUE_PATH];
static run_config config;

static void add(stralloc *to, char type, char const *s, size_t len)
{
  parcel_record r = {type, s, len};
  char *copy = memcpy(malloc(len + 1), s, len);
  copy[len] = 0;
  r.s = copy;
  if (envelope_add(to, &r) < 0) abort();
  free(copy);
}

/* A message to n recipients: two of three at a.test, the third at b.test */
static void make(unsigned n)
{
  static char const message[] = "A: b\r\n\r\nc\r\n";
  stralloc e = STRALLOC_ZERO;
  compose c = COMPOSE_ZERO;
  add(&e, PARCEL_BEGIN, "id", 2);
  add(&e, PARCEL_FROM, "s@x.test\0", 9);
  for (unsigned i = 0; i < n; i++) {
    char s[100];
    int len = snprintf(s, sizeof s, "%u%cr%u@%s%croute=remote%c", i, 0, i,
                       i % 3 ? "a.test" : "b.test", 0, 0);
    add(&e, PARCEL_TO, s, (size_t)len);
  }
  if (compose_take(&c, &(parcel_record){'M', message, sizeof message - 1}) <=
          0 ||
      queue_file_new(config.queue, "submitted", &e, n, &c, "me.test", id) <= 0)
    abort();
  queue_path(path, id);
  compose_free(&c);
  stralloc_free(&e);
}

static work_order order(char kind, char const *host)
{
  work_order o = {.last = 0};
  snprintf(o.id, sizeof o.id, "%s", id);
  snprintf(o.key, sizeof o.key, "%c%s", kind, host);
  return o;
}

/* Who of the message goes there, or -1 if there is none to work on */
static int to_do(work_order const *o, work_result *r)
{
  work_file *f = work_file_open(&config, o, r);
  queue_record x;
  int n = 0;
  if (!f) return -1;
  for (unsigned i = 0; work_file_next(f, o->key, &i, &x) > 0; i++) n++;
  work_file_done(f);
  return n;
}

static void set(unsigned i, char status)
{
  queue_file q;
  queue_record x;
  if (queue_file_open(&q, config.queue, id, QUEUE_EDIT) <= 0) abort();
  queue_record_get(&q, i, &x);
  x.status = status;
  if (queue_record_put(&q, i, &x) < 0) abort();
  queue_file_close(&q);
}

static int edit(char const *marks, char const *via)
{
  queue_file q;
  int r = queue_file_open(&q, config.queue, id, QUEUE_EDIT);
  if (r <= 0) return r - 1;
  r = edit_via(&q, config.queue, id, marks, via);
  queue_file_close(&q);
  return r;
}

static size_t longest(void)
{
  queue_file q;
  envelope_walk w;
  parcel_record r;
  size_t most = 0;
  if (queue_file_open(&q, config.queue, id, QUEUE_READ) <= 0) abort();
  w = queue_file_walk(&q);
  while (envelope_next(&w, &r) > 0)
    if (r.len > most) most = r.len;
  envelope_end(&w);
  queue_file_close(&q);
  return most;
}

static void lanes(void)
{
  char marks[MANY] = {0};
  work_order a, b, down;
  work_result r;
  make(MANY);
  a = order(RUN_REMOTE, "a.test"), b = order(RUN_REMOTE, "b.test");
  down = order(RUN_DOWN, "b.test");
  is_int(to_do(&a, &r), 80, "a destination's recipients");
  ok(r.left, "others are left, as far as is known");
  is_int(to_do(&b, &r), 40, "another one's, of the file that is open still");
  is_int(to_do(&down, &r), 40, "the same where it is down");
  a.last = 1;
  is_int(to_do(&a, &r), 80, "the last that is known of");
  ok(r.left, "but others wait");
  for (unsigned i = 0; i < MANY; i += 3) set(i, QUEUE_DONE);
  is_int(to_do(&a, &r), 80, "now they do not");
  ok(!r.left, "and nothing is left");
  set(0, QUEUE_HELD);
  to_do(&a, &r);
  ok(r.left, "one that is held is");
  a.last = 0;
  marks[1] = marks[2] = 1;
  is_int(edit(marks, "b.test"), 1, "another way for two");
  is_int(to_do(&a, &r), 78, "a file that was replaced is read anew");
  is_int(to_do(&b, &r), 42, "and they are where they go now");
  is_int(edit(marks, ""), 1, "their own way again");
  is_int(to_do(&a, &r), 80, "as before");
  unlinkat(config.queue, path, 0);
  is_int(to_do(&a, &r), -1, "one that was removed");
  is_int(r.outcome, WORK_GONE, "is gone");
  mkdirat(config.queue, path, 0700);
  is_int(to_do(&a, &r), -1, "what is none");
  is_int(r.outcome, WORK_TROUBLE, "is trouble");
  unlinkat(config.queue, path, AT_REMOVEDIR);
}

/* Envelopes of every length behind which records may begin */
static void lengths(void)
{
  static char via[PARCEL_RECORD];
  int wrong = 0;
  char const marks[3] = {1, 0, 1};
  work_order o;
  work_result r;
  make(3);
  for (int n = 1; n < 300 && !wrong; n++) {
    memset(via, 'x', (size_t)n);
    via[n] = 0;
    wrong += edit(marks, via) != 1;
    o = order(RUN_REMOTE, "a.test");
    wrong += to_do(&o, &r) != 1;
  }
  is_int(wrong, 0, "a way of any length, and its records are found");
  for (size_t n = PARCEL_RECORD - 60; n < PARCEL_RECORD - 1; n++) {
    memset(via, 'x', n);
    via[n] = 0;
    if (edit(marks, via) == 1) wrong += longest() <= n;
  }
  is_int(wrong, 0, "one as long as a record may be is read again");
  memset(via, 'x', sizeof via - 1);
  is_int(edit(marks, via), -1, "one that no record can hold");
  is_int(errno, EMSGSIZE, "is said to be");
  unlinkat(config.queue, path, 0);
}

static int starved_edit(void)
{
  char const marks[3] = {1, 1, 1};
  int r = edit(marks, "relay.test");
  return nomem_judge(r, r == 1);
}

static int starved_lane(void)
{
  work_order o = order(RUN_REMOTE, "b.test");
  work_result r;
  int n = to_do(&o, &r);
  if (n < 0 && r.outcome != WORK_TROUBLE) return NOMEM_WRONG;
  return nomem_judge(n < 0 ? -1 : 1, n == 1);
}

int main(void)
{
  if (!mkdtemp(place)) return 111;
  config.queue = queue_open(place);
  if (config.queue < 0) return 111;
  lanes();
  lengths();
  make(3);
  nomem_each(starved_lane, "work_file_open");
  nomem_each(starved_edit, "edit_via");
  unlinkat(config.queue, path, 0);
  for (unsigned i = 0; i < QUEUE_SPLIT; i++) {
    char split[QUEUE_PATH];
    snprintf(split, sizeof split, "mess/%02x", i);
    unlinkat(config.queue, split, AT_REMOVEDIR);
  }
  unlinkat(config.queue, "mess", AT_REMOVEDIR);
  unlinkat(config.queue, "trigger", 0);
  rmdir(place);
  return done();
}
