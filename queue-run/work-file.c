#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "work-file.h"

#define MANY 100 /* recipients of a message that stays open */

static uint32_t hash(char const *key)
{
  uint32_t h = 2166136261u;
  while (*key) h = (h ^ (unsigned char)*key++) * 16777619u;
  return h | 1;
}

static void close_it(work_file *f)
{
  queue_file_close(&f->q);
  free(f->v);
  f->v = 0;
  *f->id = 0;
}

/* What every order of the message asks: 1 or -1 */
static int index_it(work_file *f)
{
  envelope_walk w = queue_file_walk(&f->q);
  parcel_record r;
  envelope_to to;
  char key[RUN_KEY];
  size_t at = 0;
  f->v = calloc(f->q.recipients + 1U, sizeof *f->v);
  if (!f->v) return -1;
  for (unsigned i = 0; i < f->q.recipients && envelope_next(&w, &r) > 0;
       at = w.pos) {
    if (r.type != PARCEL_TO) continue;
    f->v[i].at = at;
    if (envelope_recipient(&to, &r) > 0) {
      run_key(key, &to);
      f->v[i].key = hash(key);
    }
    i++;
  }
  envelope_end(&w);
  return 1;
}

int work_file_to(work_file const *f, unsigned i, envelope_walk *w,
                 parcel_record *r, envelope_to *to)
{
  *w = queue_file_walk(&f->q);
  w->pos = f->v[i].at;
  return envelope_next(w, r) > 0 && envelope_recipient(to, r) > 0 ? 1 : -1;
}

/* The same destination, down or not */
static int goes_to(work_file const *f, unsigned i, char const *key, uint32_t h)
{
  envelope_walk w;
  parcel_record r;
  envelope_to to;
  int it = f->v[i].key == h && work_file_to(f, i, &w, &r, &to) > 0 &&
           run_goes_to(&to, key);
  if (f->v[i].key == h) envelope_end(&w);
  return it;
}

static uint32_t hash_of(char const *key)
{
  char its[RUN_KEY];
  strcpy(its, key);
  if (*its == RUN_DOWN) *its = RUN_REMOTE;
  return hash(its);
}

int work_file_next(work_file *f, char const *key, unsigned *i, queue_record *x)
{
  uint32_t h = hash_of(key);
  for (; *i < f->q.recipients; ++*i) {
    if (!goes_to(f, *i, key, h)) continue;
    if (queue_record_fresh(&f->q, *i) < 0) {
      log_warnsys("unable to read the state of %s", f->id);
      return -1;
    }
    queue_record_get(&f->q, *i, x);
    return 1;
  }
  return 0;
}

/* What the plan may know nothing of: recipients have come or gone to other
   destinations, or are held. It asks when nothing else of the message waits
   that it knows. */
static int left(work_file *f, work_order const *o)
{
  uint32_t h = hash_of(o->key);
  queue_record x;
  for (unsigned i = 0; i < f->q.recipients; i++) {
    if (!f->v[i].key) continue;
    queue_record_get(&f->q, i, &x);
    if (x.status == QUEUE_HELD) return 1;
    if (queue_waits(x.status) && !goes_to(f, i, o->key, h)) return 1;
  }
  return 0;
}

static int open_it(work_file *f, int queue, work_order const *o)
{
  int r;
  run_routes_refresh();
  if (f->v && !strcmp(f->id, o->id) && f->routes == run_routes_state()) {
    r = queue_file_again(&f->q, queue, o->id);
    if (r > 0 && (o->last || *o->key == RUN_BOUNCE))
      r = queue_records_fresh(&f->q);
    if (r) return r;
  }
  close_it(f);
  r = queue_file_open(&f->q, queue, o->id, QUEUE_TRY);
  if (r <= 0) return r;
  memcpy(f->id, o->id, sizeof f->id);
  f->routes = run_routes_state();
  return index_it(f);
}

work_file *work_file_open(run_config const *c, work_order const *o,
                          work_result *r)
{
  static work_file f = {.q = {.fd = -1}};
  int got = open_it(&f, c->queue, o);
  if (got > 0) {
    r->left = !o->last || left(&f, o);
    return &f;
  }
  r->outcome = got ? WORK_TROUBLE : WORK_GONE;
  if (got < 0) log_warnsys("unable to open message %s", o->id);
  close_it(&f);
  return 0;
}

void work_file_done(work_file *f)
{
  if (f->q.recipients < MANY)
    close_it(f);
  else
    queue_file_rest(&f->q);
}
