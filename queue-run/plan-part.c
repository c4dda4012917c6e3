/* The tables of messages, destinations, senders. */
#include <stdlib.h>
#include <string.h>

#include "plan-part.h"

static uint64_t message_hash(plan_node const *n)
{
  message const *m = (message const *)(void const *)n;
  return hash_number(m->time ^ (uint64_t)m->process << 40);
}

static uint64_t destination_hash(plan_node const *n)
{
  destination const *d = (destination const *)(void const *)n;
  return hash_bytes(d->key, strlen(d->key));
}

static uint64_t sender_hash(plan_node const *n)
{
  return ((sender const *)(void const *)n)->name;
}

static uint64_t line_hash(plan_node const *n)
{
  line const *l = (line const *)(void const *)n;
  return hash_number((uintptr_t)l->s ^ (uint64_t)(uintptr_t)l->d << 20);
}

int plan_init(plan *p, run_config const *c)
{
  *p = (plan){.c = c};
  link_init(&p->idle);
  link_init(&p->served);
  return hash_init(&p->messages, message_hash) > 0 &&
                 hash_init(&p->destinations, destination_hash) > 0 &&
                 hash_init(&p->senders, sender_hash) > 0 &&
                 hash_init(&p->lines, line_hash) > 0
             ? 1
             : -1;
}

message *message_find(plan const *p, char const *id)
{
  message key = {.time = queue_id_time(id), .process = queue_id_process(id)};
  plan_node *n = hash_first(&p->messages, message_hash(&key.node));
  for (; n; n = n->next) {
    message *m = (message *)(void *)n;
    if (m->time == key.time && m->process == key.process) return m;
  }
  return 0;
}

message *message_new(plan *p, char const *id, sender *s)
{
  message *m = calloc(1, sizeof *m);
  if (!m) return 0;
  m->time = queue_id_time(id);
  m->process = queue_id_process(id);
  m->s = s;
  link_init(&m->all);
  s->messages++;
  hash_add(&p->messages, &m->node);
  return m;
}

void message_id(message const *m, char *id)
{
  queue_id_put(id, m->time, m->process);
}

void message_free(plan *p, message *m)
{
  sender *s = m->s;
  hash_remove(&p->messages, &m->node);
  free(m);
  s->messages--;
  sender_forget(p, s);
}

static destination *destination_new(plan *p, char const *key)
{
  size_t n = strlen(key) + 1;
  destination *d;
  if (heap_reserve(&p->asleep, p->destinations.count + 1) < 0) return 0;
  d = calloc(1, sizeof *d + n);
  if (!d) return 0;
  memcpy(d->key, key, n);
  link_init(&d->lines);
  d->window = *key == RUN_REMOTE ? 1 : (uint16_t)p->c->lanes_per;
  hash_add(&p->destinations, &d->node);
  return d;
}

destination *destination_get(plan *p, char const *key)
{
  uint64_t x = hash_bytes(key, strlen(key));
  for (plan_node *n = hash_first(&p->destinations, x); n; n = n->next) {
    destination *d = (destination *)(void *)n;
    if (!strcmp(d->key, key)) return d;
  }
  return destination_new(p, key);
}

void plan_forget(plan *p, destination *d)
{
  if (d->jobs || d->lanes || d->asleep) return;
  hash_remove(&p->destinations, &d->node);
  free(d->reply);
  free(d);
}

sender *sender_get(plan *p, uint64_t name)
{
  plan_node *n = hash_first(&p->senders, name);
  sender *s;
  for (; n; n = n->next) {
    s = (sender *)(void *)n;
    if (s->name == name) return s;
  }
  s = calloc(1, sizeof *s);
  if (!s) return 0;
  s->name = name;
  link_init(&s->lines);
  link_init(&s->ring);
  hash_add(&p->senders, &s->node);
  return s;
}

void sender_forget(plan *p, sender *s)
{
  if (s->messages) return;
  hash_remove(&p->senders, &s->node);
  free(s);
}

job *job_new(plan *p, message *m, destination *d, long long due)
{
  job *j;
  if (heap_reserve(&p->waiting, p->jobs + 1) < 0) return 0;
  j = calloc(1, sizeof *j);
  if (!j) return 0;
  *j = (job){.m = m, .d = d};
  j->t.due = due;
  j->t.unsure = (char)p->unclean;
  link_add(&m->all, &j->of_message);
  p->jobs++;
  d->jobs++;
  m->jobs++;
  return j;
}

void job_free(plan *p, job *j)
{
  destination *d = j->d;
  if (j->m) {
    link_remove(&j->of_message);
    j->m->jobs--;
  }
  d->jobs--;
  p->jobs--;
  free(j);
  plan_forget(p, d);
}

void job_move(job *j, destination *d)
{
  j->d->jobs--;
  j->d = d;
  d->jobs++;
}
