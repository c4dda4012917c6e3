/* Destinations where nothing goes for some time, mostly since they are down.
   What waits for one that is down is not tried in vain and so loses no
   attempts; but when a message's sender is to be told of the delay, or its time
   is over, it is given what was said of the destination, without an attempt: by
   a job for a destination of its own (RUN_DOWN), which is never asleep. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "plan-part.h"

#define REST_FIRST 15000 /* ms; doubled each time */

void plan_sleep(plan *p, destination *d, io_time until)
{
  if (d->asleep && d->t.due >= until) return;
  heap_remove(&p->asleep, &d->t);
  heap_push(&p->asleep, &d->t, until);
  d->asleep = 1;
}

static void wake(plan *p, destination *d)
{
  heap_remove(&p->asleep, &d->t);
  d->asleep = d->resting = 0;
  line_open_one(p, d);
}

void plan_awake(plan *p, io_time now)
{
  timed *t;
  p->now = now;
  while ((t = heap_top(&p->asleep)) && t->due <= now) {
    destination *d = LINK_OF(destination, t, t);
    wake(p, d);
    plan_forget(p, d);
  }
}

io_time plan_next_awake(plan const *p)
{
  timed const *t = heap_top(&p->asleep);
  return t ? t->due : IO_FOREVER;
}

void plan_window(plan *p, destination *d, unsigned window)
{
  d->window = (uint16_t)window;
  line_open_one(p, d);
}

/* Whether something must be recorded of the message at a time when it cannot
   be tried. */
static int overdue(plan const *p, job *j, long long now)
{
  long long age;
  if (!j->m) return 0; /* for nobody any more */
  age = now - (long long)(j->m->time / 1000000);
  if (age >= p->c->when.expiry) return 1;
  if (j->t.warned || !schedule_warns(&p->c->when, 0, age)) return 0;
  return j->t.warned = 1;
}

/* Takes from a line what is overdue: the jobs, linked. */
static job *take_overdue(plan const *p, line *l, long long now)
{
  job **at = &l->first, *taken = 0, **end = &taken;
  while (*at) {
    job *j = *at;
    if (!overdue(p, j, now)) {
      at = &j->next;
      continue;
    }
    *at = j->next;
    *end = j;
    end = &j->next;
    j->m->busy--;
  }
  l->last = at;
  *end = 0;
  return taken;
}

/* All of its lines; those that are empty now are gone. */
static job *all_overdue(plan *p, destination *d, long long now)
{
  job *all = 0, **end = &all;
  plan_link *next;
  for (plan_link *l = d->lines.next; l != &d->lines; l = next) {
    next = l->next;
    *end = take_overdue(p, LINK_OF(line, of_destination, l), now);
    while (*end) end = &(*end)->next;
    line_check(p, LINK_OF(line, of_destination, l));
  }
  return all;
}

static destination *stand_in(plan *p, destination *d)
{
  char key[RUN_KEY];
  destination *x;
  strcpy(key, d->key); /* no longer than a key is */
  *key = RUN_DOWN;
  x = destination_get(p, key);
  if (!x) return 0;
  if (!x->reply) x->reply = strdup(d->reply);
  if (x->reply) return x;
  plan_forget(p, x);
  return 0;
}

static void tell_overdue(plan *p, destination *d, long long now)
{
  job *j = all_overdue(p, d, now), *next;
  destination *x = j ? stand_in(p, d) : 0;
  for (; j; j = next) {
    next = j->next;
    if (x) job_move(j, x);
    line_up(p, j);
  }
}

void plan_down(plan *p, destination *d, char const *reply)
{
  io_time rest = REST_FIRST, longest = (io_time)p->c->rest * 1000;
  if (*d->key != RUN_REMOTE || d->resting || !longest) return;
  for (unsigned i = 0; i < d->down && rest < longest; i++) rest *= 2;
  d->down++;
  free(d->reply);
  d->reply = strdup(reply);
  if (!d->reply) return; /* no memory: as if nothing had been said */
  d->resting = 1;
  if (d->down == 1) log_info("%s is down: its mail waits", d->key + 1);
  plan_sleep(p, d, io_after(rest < longest ? rest : longest));
  tell_overdue(p, d, time(0));
}

void plan_up(plan *p, destination *d)
{
  if (!d->down) return;
  log_info("%s is back", d->key + 1);
  d->down = 0;
  free(d->reply);
  d->reply = 0;
  if (d->resting)
    wake(p, d);
  else
    line_open_one(p, d);
}
