#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "plan-part.h"

void plan_ready_again(plan *p, destination *d)
{
  if (d->ready || !d->first) return;
  d->ready = 1;
  d->next_ready = 0;
  *p->ready_last = d;
  p->ready_last = &d->next_ready;
}

destination *plan_ready(plan *p)
{
  destination *d = p->ready;
  if (!d) return 0;
  p->ready = d->next_ready;
  if (!p->ready) p->ready_last = &p->ready;
  d->ready = 0;
  return d;
}

/* The job is due: to the end of its destination's line. */
static void line_up(plan *p, job *j)
{
  j->next = 0;
  *j->d->last = j;
  j->d->last = &j->next;
  j->m->busy++;
  plan_ready_again(p, j->d);
}

job *plan_job(destination *d)
{
  job *j = d->first;
  if (!j) return 0;
  d->first = j->next;
  if (!d->first) d->last = &d->first;
  return j;
}

void plan_again(plan *p, job *j)
{
  j->next = j->d->first;
  if (!j->next) j->d->last = &j->next;
  j->d->first = j;
  plan_ready_again(p, j->d);
}

static job *job_new(plan *p, message *m, char const *key, long long due)
{
  destination *d = destination_get(p, key);
  job *j = d ? calloc(1, sizeof *j) : 0;
  if (!j) return 0;
  *j = (job){.m = m, .d = d, .due = due, .unsure = (char)p->unclean};
  d->jobs++;
  m->jobs++;
  return j;
}

static void job_free(plan *p, job *j)
{
  destination *d = j->d;
  j->m->jobs--;
  d->jobs--;
  free(j);
  plan_forget(p, d);
}

static void wait_for(plan *p, job *j)
{
  if (heap_push(p, j) > 0) return;
  log_warnsys("out of memory: %s is tried at once", j->m->id);
  line_up(p, j);
}

static void remove_message(plan *p, message *m)
{
  char path[QUEUE_PATH];
  queue_path(path, m->id);
  if (unlinkat(p->c->queue, path, 0) < 0 && errno != ENOENT)
    log_warnsys("unable to remove %s", path);
  else
    log_info("%s done", m->id);
  message_free(p, m);
}

/* What follows from the state of a message: a bounce as soon as nothing else
   of it is under way, so that one bounce tells all; the end. */
static void next_step(plan *p, message *m)
{
  char const key[] = {RUN_BOUNCE, 0};
  job *j;
  if (m->failed && !m->busy) {
    m->failed = 0;
    j = job_new(p, m, key, 0);
    if (j)
      line_up(p, j);
    else
      m->failed = 1;
  } else if (!m->jobs && !m->failed)
    remove_message(p, m);
}

void plan_done(plan *p, job *j, int failed, int gone)
{
  message *m = j->m;
  m->busy--;
  if (failed) m->failed = 1;
  job_free(p, j);
  if (gone) {
    m->failed = 0;
    if (!m->jobs) message_free(p, m);
    return;
  }
  next_step(p, m);
}

void plan_later(plan *p, job *j, long long due, int failed)
{
  message *m = j->m;
  j->due = due;
  m->busy--;
  if (failed) m->failed = 1;
  wait_for(p, j);
  next_step(p, m);
}

long long plan_due(plan *p, long long now)
{
  while (p->waiting && p->heap[0]->due <= now) line_up(p, heap_pop(p));
  return p->waiting ? p->heap[0]->due : 0;
}

void plan_all_due(plan *p)
{
  for (size_t i = 0; i < p->waiting; i++) p->heap[i]->due = 0;
}

/* One recipient that waits: its destination's job is made or made earlier. */
static int take_waiting(plan *p, message *m, envelope_to const *to,
                        queue_record const *x)
{
  char key[RUN_KEY];
  destination *d;
  run_key(key, to);
  d = destination_get(p, key);
  if (!d) return -1;
  if (!d->newest || d->newest->m != m) {
    d->newest = job_new(p, m, key, x->next);
    if (!d->newest) return -1;
  }
  if (x->next < d->newest->due) d->newest->due = x->next;
  if (x->status == QUEUE_UNSURE) d->newest->unsure = 1;
  return 1;
}

/* Calls f for the job of each destination of the message just read. */
static void each_new(plan *p, queue_file const *q, message *m, long long now)
{
  envelope_walk w = queue_file_walk(q);
  parcel_record r;
  envelope_to to;
  char key[RUN_KEY];
  while (envelope_next(&w, &r) > 0) {
    destination *d;
    job *j;
    if (r.type != PARCEL_TO || envelope_recipient(&to, &r) < 0) continue;
    run_key(key, &to);
    d = destination_get(p, key);
    j = d ? d->newest : 0;
    if (!j || j->m != m) continue;
    d->newest = 0;
    if (j->due <= now)
      line_up(p, j);
    else
      wait_for(p, j);
  }
}

static int read_recipients(plan *p, queue_file const *q, message *m)
{
  envelope_walk w = queue_file_walk(q);
  parcel_record r;
  envelope_to to;
  queue_record x;
  unsigned i = 0;
  int good = 1;
  while (good > 0 && i < q->recipients && envelope_next(&w, &r) > 0) {
    if (r.type != PARCEL_TO) continue;
    queue_record_get(q, i++, &x);
    if (queue_tells(x.status)) m->failed = 1;
    if (queue_waits(x.status) && envelope_recipient(&to, &r) > 0)
      good = take_waiting(p, m, &to, &x);
  }
  envelope_end(&w);
  return good;
}

static int take(plan *p, queue_file const *q, char const *id)
{
  message *m = message_new(p, id);
  int good;
  if (!m) return -1;
  good = read_recipients(p, q, m);
  each_new(p, q, m, time(0));
  if (good > 0)
    next_step(p, m);
  else
    log_warnsys("unable to take up all of %s", id);
  return good;
}

int plan_take(plan *p, char const *id)
{
  queue_file q;
  int r;
  if (message_find(p, id)) return 1;
  r = queue_file_open(&q, p->c->queue, id, 0);
  if (r < 0) log_warnsys("unable to read message %s", id);
  if (r <= 0) return r < 0 && errno != EPROTO ? -1 : 0;
  r = take(p, &q, id);
  queue_file_close(&q);
  return r;
}
