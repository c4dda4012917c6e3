#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>

#include "log.h"
#include "plan-part.h"
#include "snapshot.h"

#define NEW "snapshot.new"

typedef struct out {
  plan *p;
  int fd, good;
  unsigned destinations;
  uint64_t jobs, sum;
  size_t len;
  char buf[65536];
} out;

static void flush(out *o)
{
  if (o->good && allwrite(o->fd, o->buf, o->len) < o->len) o->good = 0;
  o->len = 0;
}

static void put(out *o, char const *s, size_t n)
{
  if (o->len + n > sizeof o->buf) flush(o);
  memcpy(o->buf + o->len, s, n);
  o->len += n;
  o->sum = hash_more(o->sum, s, n);
}

/* The key of a job's destination: nothing goes to RUN_DOWN after a start. */
static void put_destination(plan_node *n, void *data)
{
  out *o = data;
  destination *d = (destination *)(void *)n;
  char text[SNAPSHOT_LINE];
  int len = snprintf(text, sizeof text, "D %s\n", d->key);
  if (*d->key == RUN_DOWN) text[2] = RUN_REMOTE;
  d->open = o->destinations++; /* its number, from now on */
  put(o, text, (size_t)len);
}

/* Of a message that has more than jobs that wait nothing is written: it is
   found. */
static int whole(message const *m)
{
  return !m->failed && !m->partial && !m->again;
}

static void put_job(out *o, job const *j)
{
  char text[SNAPSHOT_LINE], id[QUEUE_ID + 1];
  int len;
  if (!j->m || !whole(j->m)) return;
  message_id(j->m, id);
  len = snprintf(text, sizeof text, "J %s %" PRIx64 " %u %lld %d\n", id,
                 j->m->s->name, j->d->open, j->t.due,
                 (j->t.unsure ? SNAPSHOT_UNSURE : 0) |
                     (j->t.warned ? SNAPSHOT_WARNED : 0));
  o->jobs++;
  put(o, text, (size_t)len);
}

static void note_notice(plan_node *n, void *data)
{
  line *l = (line *)(void *)n;
  (void)data;
  if (*l->d->key != RUN_BOUNCE) return;
  for (job *j = l->first; j; j = j->next)
    if (j->m) j->m->failed = 1;
}

static void put_line(plan_node *n, void *data)
{
  line *l = (line *)(void *)n;
  for (job *j = l->first; j; j = j->next) put_job(data, j);
}

static void put_all(out *o)
{
  plan *p = o->p;
  char text[64];
  int len;
  put(o, SNAPSHOT_MAGIC, sizeof SNAPSHOT_MAGIC - 1);
  hash_each(&p->lines, note_notice, 0);
  for (size_t i = 0; i < p->waiting.count; i++) {
    job *j = LINK_OF(job, t, p->waiting.v[i]);
    if (*j->d->key == RUN_BOUNCE) j->m->failed = 1;
  }
  hash_each(&p->destinations, put_destination, o);
  for (size_t i = 0; i < p->waiting.count; i++)
    put_job(o, LINK_OF(job, t, p->waiting.v[i]));
  hash_each(&p->lines, put_line, o);
  len = snprintf(text, sizeof text, "end %" PRIu64 " %" PRIx64 "\n", o->jobs,
                 o->sum);
  put(o, text, (size_t)len);
  flush(o);
}

int snapshot_write(plan *p)
{
  static out o;
  int queue = p->c->queue;
  o = (out){.p = p, .good = 1};
  o.fd = openat(queue, NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (o.fd < 0) return -1;
  put_all(&o);
  if (close(o.fd) < 0) o.good = 0;
  if (o.good && renameat(queue, NEW, queue, QUEUE_SNAPSHOT) == 0) return 1;
  unlinkat(queue, NEW, 0);
  return -1;
}
