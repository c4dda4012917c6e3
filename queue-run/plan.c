/* What becomes of messages and their jobs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "plan-part.h"

void wait_for(plan *p, job *j, long long due)
{
  heap_push(&p->waiting, &j->t, due);
}

/* The jobs of a message do not disturb each other: each changes records of its
   own. A notice changes those of others, too. */
static int must_wait(job const *j)
{
  return j->m->telling || (*j->d->key == RUN_BOUNCE && j->m->running);
}

job *plan_job(plan *p, line *l)
{
  sender *s = l->s;
  job *j = line_take(p, l);
  destination *d = j->d;
  if (!j->m) line_open_one(p, d);
  if (job_abandoned(p, j, s)) return 0;
  if (must_wait(j)) {
    wait_for(p, j, time(0) + 1);
    line_open_one(p, d);
    return 0;
  }
  j->m->busy++;
  j->m->running++;
  j->m->telling = *d->key == RUN_BOUNCE;
  d->busy++;
  if (d->down) {
    d->probes++;
    p->probes++;
  }
  sender_began(p, j->m->s);
  line_open_one(p, d);
  return j;
}

/* It is in no lane any more. */
static void release(plan *p, job *j)
{
  destination *d = j->d;
  j->m->busy--;
  j->m->running--;
  j->m->telling = 0;
  d->busy--;
  if (d->probes) {
    d->probes--;
    p->probes--;
  }
  sender_ended(p, j->m->s);
  line_open_one(p, d);
}

void plan_again(plan *p, job *j)
{
  destination *d = j->d;
  release(p, j);
  line_back(p, j);
  line_open_one(p, d);
}

static void remove_message(plan *p, message *m)
{
  char id[QUEUE_ID + 1], path[QUEUE_PATH];
  message_id(m, id);
  queue_path(path, id);
  if (unlinkat(p->c->queue, path, 0) < 0 && errno != ENOENT)
    log_warnsys("unable to remove %s", path);
  else
    log_info("%s done", id);
  message_free(p, m);
}

/* It is read again when its directory is. */
static void forget_message(plan *p, message *m)
{
  p->look[m->time % QUEUE_SPLIT] = 1;
  message_free(p, m);
}

static int tell(plan *p, message *m)
{
  char const key[] = {RUN_BOUNCE, 0};
  destination *d = destination_get(p, key);
  job *j = d ? job_new(p, m, d, 0) : 0;
  if (!j) return 0;
  line_up(p, j);
  return 1;
}

/* A notice as soon as nothing else of it is under way, so that one tells all;
   the end. */
void next_step(plan *p, message *m)
{
  if (m->again && !m->running) {
    message_renew(p, m);
  } else if (m->failed && !m->busy) {
    m->failed = !tell(p, m);
  } else if (!m->jobs && !m->failed) {
    if (m->restored)
      message_renew(p, m);
    else if (m->partial)
      forget_message(p, m);
    else
      remove_message(p, m);
  }
}

void plan_done(plan *p, job *j, int failed, int gone)
{
  message *m = j->m;
  release(p, j);
  if (failed) m->failed = 1;
  job_free(p, j);
  if (gone) {
    m->failed = 0;
    if (!m->jobs) message_free(p, m);
    return;
  }
  next_step(p, m);
}

/* What was told in place of its destination goes there again. */
static void back_from_down(plan *p, job *j)
{
  destination *x = j->d, *d;
  char key[RUN_KEY];
  if (*x->key != RUN_DOWN) return;
  strcpy(key, x->key);
  *key = RUN_REMOTE;
  d = destination_get(p, key);
  if (!d) return;
  job_move(j, d);
  plan_forget(p, x);
}

void plan_later(plan *p, job *j, long long due, int failed)
{
  message *m = j->m;
  release(p, j);
  if (failed) m->failed = 1;
  back_from_down(p, j);
  wait_for(p, j, due);
  next_step(p, m);
}

void plan_due(plan *p, long long now)
{
  timed *t;
  while ((t = heap_top(&p->waiting)) && t->due <= now) {
    heap_pop(&p->waiting);
    line_up(p, LINK_OF(job, t, t));
  }
}

long long plan_next_due(plan const *p)
{
  timed const *t = heap_top(&p->waiting);
  return t ? t->due : 0;
}

void plan_all_due(plan *p)
{
  heap_all_due(&p->waiting);
  heap_all_due(&p->asleep);
}
