/* Failures, and successes that he asked for, are told to the sender: one notice
   for all so far. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bounce-text.h"
#include "conf.h"
#include "log.h"
#include "work-file.h"

#define FROM 1024

typedef struct sender {
  char path[FROM], envid[FROM];
  int utf8, full;
} sender;

static void sender_get(queue_file const *q, sender *s)
{
  envelope_walk w = queue_file_walk(q);
  parcel_record r;
  *s = (sender){.utf8 = 0};
  while (envelope_next(&w, &r) > 0) {
    if (r.type == PARCEL_FROM) {
      char const *envid = parcel_param(&r, 1, "ENVID");
      char const *ret = parcel_param(&r, 1, "RET");
      s->full = ret && !strcasecmp(ret, "FULL");
      snprintf(s->path, sizeof s->path, "%s", r.s);
      snprintf(s->envid, sizeof s->envid, "%s", envid ? envid : "");
      for (unsigned i = 1; parcel_part(&r, i); i++)
        if (!strcmp(parcel_part(&r, i), "SMTPUTF8")) s->utf8 = 1;
    }
  }
}

/* Who is told: the sender, if he is not a stranger who is not to be; of a
   bounce's failure the postmaster, who is never told of one that was for
   himself; or 0. */
static char const *told(run_config const *c, queue_file const *q,
                        sender const *s)
{
  envelope_walk w = queue_file_walk(q);
  parcel_record r;
  char const *to = c->postmaster;
  if (*s->path) return c->own && !strcmp(q->class, "received") ? 0 : s->path;
  if (!to) return 0;
  while (envelope_next(&w, &r) > 0)
    if (r.type == PARCEL_TO && !strcasecmp(parcel_part(&r, 1), c->postmaster))
      to = 0;
  return to;
}

static int put_envelope(bounce *b, char const *id)
{
  static char const from[] = "\0BODY=8BITMIME\0SMTPUTF8";
  stralloc to = STRALLOC_ZERO;
  char by[300];
  int r = -1;
  snprintf(by, sizeof by, "by=%s", conf_me());
  if (stralloc_catb(&to, "0", 2) && stralloc_cats(&to, b->to) &&
      parcel_puts(b->out, PARCEL_BEGIN, id, b->deadline) == 1 &&
      parcel_puts(b->out, PARCEL_CLIENT, by, b->deadline) == 1 &&
      parcel_put(b->out, PARCEL_FROM, from,
                 b->utf8 ? sizeof from - 1 : sizeof "\0BODY=8BITMIME" - 1,
                 b->deadline) == 1)
    r = parcel_put(b->out, PARCEL_TO, to.s, to.len, b->deadline);
  stralloc_free(&to);
  return r;
}

/* The bounce is in the queue (1), refused for good (0), or not yet (-1). */
static int submit(bounce *b, station *s)
{
  parcel_report r = {.code = 0};
  char id[PARCEL_ID + 1];
  int done;
  snprintf(id, sizeof id, "%s-bounce", b->id);
  done = put_envelope(b, id);
  if (done == 1) done = bounce_write(b);
  if (done == 1) done = parcel_put(b->out, PARCEL_END, "", 0, b->deadline);
  if (done == 1) done = parcel_flush(b->out, b->deadline);
  if (done < 0 || station_reports(s, id, &r, 0, 0, b->deadline) < 0 ||
      done == 0)
    station_close(s);
  if (done == 1 && r.code / 100 == 2) {
    log_info("%s bounce to=<%s>: %d %s", b->id, b->to, r.code, r.text);
    return 1;
  }
  if (r.code / 100 != 5) return -1;
  log_warn("%s bounce to=<%s> refused, dropped: %d %s", b->id, b->to, r.code,
           r.text);
  return 0;
}

/* Counts of whom is to be told: whether there are any. */
static int count(bounce *b)
{
  queue_record x;
  for (unsigned i = 0; i < b->q->recipients; i++) {
    queue_record_get(b->q, i, &x);
    if (x.status == QUEUE_FAILED) b->bad++;
    if (x.status == QUEUE_GOOD) b->good++;
    if (queue_waits(x.status) && queue_record_tells(&x)) b->late++;
  }
  return b->bad + b->good + b->late > 0;
}

static void mark_told(queue_file *q, char const *id)
{
  queue_record x;
  for (unsigned i = 0; i < q->recipients; i++) {
    queue_record_get(q, i, &x);
    if (!queue_record_tells(&x)) continue;
    if (queue_waits(x.status))
      x.delay = QUEUE_DELAY_TOLD;
    else
      x.status = x.status == QUEUE_GOOD ? QUEUE_DONE : QUEUE_TOLD;
    if (queue_record_put(q, i, &x) < 0)
      log_warnsys("unable to write the state of %s", id);
  }
  if (fdatasync(q->fd) < 0) log_warnsys("unable to sync the state of %s", id);
}

static void tell(run_config const *c, queue_file *q, station *s,
                 work_order const *o, work_result *r)
{
  sender from;
  bounce b = {.q = q,
              .id = o->id,
              .out = &s->out,
              .deadline = io_after((int64_t)c->lane_seconds * 1000)};
  if (!count(&b)) return;
  sender_get(q, &from);
  b.envid = from.envid;
  b.until = q->time + c->when.expiry;
  b.utf8 = from.utf8;
  b.full = from.full;
  b.to = told(c, q, &from);
  if (!b.to) {
    log_warn("%s %s: dropped", o->id,
             *from.path ? "has a notice for a stranger"
                        : "is a bounce that failed");
  } else if (station_open(s, c->report, b.deadline) < 0) {
    r->outcome = WORK_NO_SERVICE;
    return;
  } else if (submit(&b, s) < 0) {
    r->outcome = WORK_LATER;
    r->next = time(0) + c->soon;
    return;
  }
  mark_told(q, o->id);
}

void work_bounce(run_config const *c, station *s, work_order const *o,
                 work_result *r)
{
  work_file *f;
  *r = (work_result){.outcome = WORK_DONE};
  f = work_file_open(c, o, r);
  if (!f) return;
  tell(c, &f->q, s, o, r);
  work_file_done(f);
}
