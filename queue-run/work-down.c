/* A destination is down: what waits for it is given what was said of it. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "judge.h"
#include "log.h"
#include "work-file.h"

static void sum_up(queue_record const *x, work_result *r)
{
  if (queue_record_tells(x)) r->failed = 1;
  if (!queue_waits(x->status)) return;
  r->outcome = WORK_LATER;
  r->next = x->next;
}

static void one(judge const *g, work_file *f, unsigned i, queue_record *x,
                work_order const *o, work_result *r)
{
  envelope_walk w;
  parcel_record p;
  envelope_to to;
  if (queue_waits(x->status) && work_file_to(f, i, &w, &p, &to) > 0) {
    memcpy(x->reply, o->reply, sizeof x->reply);
    judge_down(g, &to, x);
    envelope_end(&w);
    if (queue_record_put(&f->q, i, x) < 0)
      log_warnsys("unable to write the state of %s", o->id);
  }
  sum_up(x, r);
}

void work_down(run_config const *c, work_order const *o, work_result *r)
{
  judge g = {.c = c, .id = o->id, .now = time(0)};
  queue_record x;
  work_file *f;
  int got;
  *r = (work_result){.outcome = WORK_DONE};
  f = work_file_open(c, o, r);
  if (!f) return;
  g.arrival = f->q.time;
  g.quiet = judge_quiet(&f->q);
  for (unsigned i = 0; (got = work_file_next(f, o->key, &i, &x)) > 0; i++)
    one(&g, f, i, &x, o, r);
  if (got < 0) r->outcome = WORK_TROUBLE;
  if (fdatasync(f->q.fd) < 0)
    log_warnsys("unable to sync the state of %s", o->id);
  work_file_done(f);
}
