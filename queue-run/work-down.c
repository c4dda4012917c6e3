/* A destination is down: what waits for it is given what was said of it. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "judge.h"
#include "log.h"
#include "work.h"

static void sum_up(queue_record const *x, work_result *r)
{
  if (queue_tells(x->status)) r->failed = 1;
  if (!queue_waits(x->status)) return;
  r->outcome = WORK_LATER;
  r->next = x->next;
}

static void one(judge const *g, envelope_to const *to, queue_file *q,
                unsigned i, work_order const *o, work_result *r)
{
  queue_record x;
  queue_record_get(q, i, &x);
  if (queue_waits(x.status)) {
    memcpy(x.reply, o->reply, sizeof x.reply);
    judge_down(g, to, &x);
    if (queue_record_put(q, i, &x) < 0)
      log_warnsys("unable to write the state of %s", o->id);
  }
  sum_up(&x, r);
}

static void all(judge const *g, queue_file *q, work_order const *o,
                work_result *r)
{
  envelope_walk w = queue_file_walk(q);
  parcel_record p;
  envelope_to to;
  unsigned i = 0;
  while (i < q->recipients && envelope_next(&w, &p) > 0) {
    if (p.type != PARCEL_TO) continue;
    if (envelope_recipient(&to, &p) > 0 && run_goes_to(&to, o->key))
      one(g, &to, q, i, o, r);
    i++;
  }
  envelope_end(&w);
  if (fdatasync(q->fd) < 0)
    log_warnsys("unable to sync the state of %s", o->id);
}

void work_down(run_config const *c, work_order const *o, work_result *r)
{
  queue_file q;
  judge g = {.c = c, .id = o->id, .now = time(0)};
  *r = (work_result){.outcome = WORK_DONE};
  if (!work_open(c, &q, o, r)) return;
  g.arrival = q.time;
  g.quiet = judge_quiet(&q);
  all(&g, &q, o, r);
  queue_file_close(&q);
}
