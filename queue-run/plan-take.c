/* A message of the queue becomes part of the plan. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "addr.h"
#include "log.h"
#include "plan-part.h"
#include "srs.h"

/* One recipient that waits: its destination's job is made or made earlier. */
static int take_waiting(plan *p, message *m, envelope_to const *to,
                        queue_record const *x)
{
  char key[RUN_KEY];
  destination *d;
  job *j;
  run_key(key, to);
  d = destination_get(p, key);
  if (!d) return -1;
  j = d->newest;
  if (!j || j->m != m) {
    j = d->newest = job_new(p, m, d, x->next);
    if (!j) return -1;
  }
  if (x->next < j->t.due) j->t.due = x->next;
  if (x->status == QUEUE_UNSURE) j->t.unsure = 1;
  return 1;
}

/* The job of each destination of the message just read: due, or waiting. */
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
    if (!d) continue;
    j = d->newest;
    if (!j || j->m != m) {
      plan_forget(p, d); /* it may have been made just now */
      continue;
    }
    d->newest = 0;
    if (p->hurry || j->t.due <= now)
      line_up(p, j);
    else
      wait_for(p, j, j->t.due);
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
    if (queue_record_tells(&x)) m->failed = 1;
    if (x.status == QUEUE_HELD) m->partial = 1;
    if (queue_waits(x.status) && envelope_recipient(&to, &r) > 0)
      good = take_waiting(p, m, &to, &x);
  }
  envelope_end(&w);
  if (good > 0 && i < q->recipients) return errno = EPROTO, -1;
  return good;
}

static uint64_t name(char kind, char const *s)
{
  return hash_bytes(s, strlen(s)) ^ hash_bytes(&kind, 1);
}

/* The account; else the reverse-path; where that is null or says nothing of
   who sent it, all of the same class are one. */
static uint64_t sender_name(queue_file const *q)
{
  envelope_walk w = queue_file_walk(q);
  parcel_record r;
  uint64_t x = name('c', q->class);
  while (envelope_next(&w, &r) > 0) {
    char const *user = parcel_fact(&r, "user");
    if (user && *user) x = name('u', user);
    if (user && *user) break;
    if (r.type != PARCEL_FROM) continue;
    if (*r.s && !srs_is(r.s, addr_at(r.s, strlen(r.s)))) x = name('f', r.s);
    break;
  }
  envelope_end(&w);
  return x;
}

static int take(plan *p, queue_file const *q, char const *id)
{
  sender *s = sender_get(p, sender_name(q));
  message *m = s ? message_new(p, id, s) : 0;
  int good;
  if (!m) {
    if (s) sender_forget(p, s);
    return -1;
  }
  good = read_recipients(p, q, m);
  if (good < 0) log_warnsys("unable to take up all of %s", id);
  if (good < 0) m->partial = 1;
  each_new(p, q, m, time(0));
  next_step(p, m);
  return good;
}

int plan_take(plan *p, char const *id)
{
  queue_file q;
  int r;
  if (message_find(p, id)) return 1;
  r = queue_file_open(&q, p->c->queue, id, QUEUE_READ);
  if (r < 0) log_warnsys("unable to read message %s", id);
  if (r <= 0) return r < 0 && errno != EPROTO ? -1 : 0;
  r = take(p, &q, id);
  queue_file_close(&q);
  return r;
}
