/* Lines: whose turn it is. Senders take turns, those first that have nothing
   in a lane; at a destination that is full, too, its lines take turns. A line
   is open while it is in its sender's ring. It is closed when its turn comes
   and its destination takes no more, and one of them is opened when that
   changes: so no destination's lines are ever all looked at. */
#include <stdlib.h>
#include <time.h>

#include "plan-part.h"

#define PROBE_MS 1000 /* until it is looked for a free lane to probe */
#define LOOK 8 /* lines of one destination for one whose sender has nothing */

static sender *sender_at(plan_link *l)
{
  return LINK_OF(sender, ring, l);
}

static line *line_at(plan_link *l)
{
  return LINK_OF(line, of_sender, l);
}

static line *line_there(plan_link *l)
{
  return LINK_OF(line, of_destination, l);
}

/* Looking whether hosts are back takes half of the lanes at most. */
static int probe_free(plan const *p, destination const *d)
{
  return !d->down || p->probes < (p->c->lanes + 1) / 2;
}

/* If not, it is seen to that it is looked at again. */
static int takes_more(plan *p, destination *d)
{
  if (d->asleep || d->busy >= (d->down ? 1 : d->window)) return 0;
  if (probe_free(p, d)) return 1;
  plan_sleep(p, d, p->now + PROBE_MS);
  return 0;
}

/* Into the ring that is the sender's, at its end if he was not in it. */
static void take_place(plan *p, sender *s)
{
  if (link_empty(&s->lines))
    link_remove(&s->ring);
  else if (link_empty(&s->ring))
    link_add(s->running ? &p->served : &p->idle, &s->ring);
}

static void line_open(plan *p, line *l, int first)
{
  if (l->open) return;
  l->open = 1;
  l->d->open++;
  link_add(first ? l->s->lines.next : &l->s->lines, &l->of_sender);
  take_place(p, l->s);
}

static void line_close(plan *p, line *l)
{
  if (!l->open) return;
  l->open = 0;
  l->d->open--;
  link_remove(&l->of_sender);
  take_place(p, l->s);
}

/* The destination's next line; of the first ones one whose sender has nothing
   in a lane, if there is one, or if others have to be so. */
static line *first_there(destination *d, int idle)
{
  plan_link *l = d->lines.next;
  for (unsigned n = 0; l != &d->lines && n < LOOK; n++, l = l->next)
    if (!line_there(l)->s->running) return line_there(l);
  return idle || link_empty(&d->lines) ? 0 : line_there(d->lines.next);
}

/* It has waited for its destination: its sender's next turn is for it. */
void line_open_one(plan *p, destination *d)
{
  if (!d->open && !link_empty(&d->lines) && takes_more(p, d))
    line_open(p, first_there(d, 0), 1);
}

static line *line_find(plan *p, sender *s, destination *d)
{
  line key = {.s = s, .d = d};
  plan_node *n = hash_first(&p->lines, p->lines.hash(&key.node));
  for (; n; n = n->next) {
    line *l = (line *)(void *)n;
    if (l->s == s && l->d == d) return l;
  }
  return 0;
}

static line *line_get(plan *p, sender *s, destination *d)
{
  line *l = line_find(p, s, d);
  if (l) return l;
  l = calloc(1, sizeof *l);
  if (!l) return 0;
  l->s = s;
  l->d = d;
  l->last = &l->first;
  link_init(&l->of_sender);
  link_add(&d->lines, &l->of_destination);
  hash_add(&p->lines, &l->node);
  if (takes_more(p, d)) line_open(p, l, 0);
  return l;
}

static void line_free(plan *p, line *l)
{
  line_close(p, l);
  link_remove(&l->of_destination);
  hash_remove(&p->lines, &l->node);
  free(l);
}

void line_check(plan *p, line *l)
{
  if (!l->first) line_free(p, l);
}

void line_up(plan *p, job *j)
{
  line *l = line_get(p, j->m->s, j->d);
  if (!l) { /* no memory: in a moment */
    wait_for(p, j, time(0) + 1);
    return;
  }
  j->next = 0;
  *l->last = j;
  l->last = &j->next;
  j->m->busy++;
}

void line_back(plan *p, job *j)
{
  line *l = line_get(p, j->m->s, j->d);
  if (!l) {
    wait_for(p, j, time(0) + 1);
    return;
  }
  j->next = l->first;
  if (!j->next) l->last = &j->next;
  l->first = j;
  j->m->busy++;
}

job *line_take(plan *p, line *l)
{
  job *j = l->first;
  l->first = j->next;
  if (j->m) j->m->busy--;
  link_to_end(&l->d->lines, &l->of_destination);
  if (!l->first)
    line_free(p, l);
  else
    line_close(p, l); /* whoever comes next there is opened */
  return j;
}

void sender_began(plan *p, sender *s)
{
  s->running++;
  link_remove(&s->ring);
  take_place(p, s);
}

void sender_ended(plan *p, sender *s)
{
  if (--s->running) return;
  link_remove(&s->ring);
  take_place(p, s);
}

line *plan_next(plan *p)
{
  for (;;) {
    plan_link *ring = link_empty(&p->idle) ? &p->served : &p->idle;
    line *l;
    if (link_empty(ring)) return 0;
    l = line_at(sender_at(ring->next)->lines.next);
    if (takes_more(p, l->d)) return l;
    line_close(p, l);
  }
}

line *plan_next_at(plan *p, destination *d)
{
  return takes_more(p, d) ? first_there(d, !link_empty(&p->idle)) : 0;
}
