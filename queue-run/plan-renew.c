/* A message that was changed on disk is read again. */
#include <string.h>

#include "plan-part.h"

/* What is in a line stays there, for nobody, until it is its turn: lines are
   long. Its sender is kept as long. */
static void abandon(job *j)
{
  sender *s = j->m->s;
  s->messages++;
  link_remove(&j->of_message);
  j->m = 0;
}

/* Forgets all that waits; whether any of it is unsure. */
static int forget(plan *p, message *m)
{
  int unsure = m->unwritten;
  while (!link_empty(&m->all)) {
    job *j = LINK_OF(job, of_message, m->all.next);
    if (j->t.unsure) unsure = 1;
    if (j->t.place) {
      heap_remove(&p->waiting, &j->t);
      job_free(p, j);
    } else {
      abandon(j);
    }
  }
  message_free(p, m);
  return unsure;
}

int job_abandoned(plan *p, job *j, sender *s)
{
  if (j->m) return 0;
  job_free(p, j);
  s->messages--;
  sender_forget(p, s);
  return 1;
}

void message_renew(plan *p, message *m)
{
  char id[QUEUE_ID + 1];
  int before = p->unclean, hurry = m->hurry;
  if (m->running) {
    m->again = 1;
    return;
  }
  message_id(m, id);
  if (forget(p, m)) p->unclean = 1;
  p->hurry = hurry;
  plan_take(p, id);
  p->hurry = 0;
  p->unclean = before;
}

void plan_renew(plan *p, char const *id)
{
  message *m = message_find(p, id);
  if (m)
    message_renew(p, m);
  else
    plan_take(p, id);
}
