#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "judge.h"
#include "log.h"
#include "work.h"

#define PIECE 65536
#define MORE_MS                                                                \
  30000 /* less than the time that lane.c adds to one transaction */

/* One transaction of those that wait for a destination: whose parcel may be the
   same. Of the message's recipients those with a code of -1 (not yet answered)
   or more are in it, 0 are not. */
typedef struct transaction {
  queue_file q;
  char const *id;
  char *waits; /* for a transaction of this order's */
  int *code;
  queue_record *record;
  unsigned attempts; /* the most of any */
  int unsure;
  int retried; /* the order says that all may be unsure */
  io_time deadline;
} transaction;

/* What the plan may know nothing of: recipients have come or gone to other
   destinations, or are held. */
static int left(queue_file const *q, char const *key)
{
  envelope_walk w = queue_file_walk(q);
  parcel_record r;
  envelope_to to;
  queue_record x;
  unsigned i = 0;
  int found = 0;
  while (!found && i < q->recipients && envelope_next(&w, &r) > 0) {
    if (r.type != PARCEL_TO) continue;
    queue_record_get(q, i++, &x);
    found = x.status == QUEUE_HELD ||
            (queue_waits(x.status) && envelope_recipient(&to, &r) > 0 &&
             !run_goes_to(&to, key));
  }
  envelope_end(&w);
  return found;
}

int work_open(run_config const *c, queue_file *q, work_order const *o,
              work_result *r)
{
  int got = queue_file_open(q, c->queue, o->id, QUEUE_TRY);
  if (got > 0) {
    r->left = left(q, o->key);
    return 1;
  }
  r->outcome = got ? WORK_TROUBLE : WORK_GONE;
  if (got < 0) log_warnsys("unable to open message %s", o->id);
  return 0;
}

/* A failure may have been recorded by a lane that died before it said so. */
static void choose(transaction *t, unsigned i, work_result *r)
{
  queue_record_get(&t->q, i, t->record + i);
  if (queue_tells(t->record[i].status)) r->failed = 1;
  if (queue_waits(t->record[i].status)) t->waits[i] = 1;
}

/* Chooses the recipients that wait for this destination: 1 or -1. */
static int select_recipients(transaction *t, char const *key,
                             work_result *result)
{
  envelope_walk w = queue_file_walk(&t->q);
  parcel_record r;
  envelope_to to;
  char its[RUN_KEY];
  unsigned i = 0;
  t->waits = calloc(t->q.recipients, sizeof *t->waits);
  t->code = calloc(t->q.recipients, sizeof *t->code);
  t->record = calloc(t->q.recipients, sizeof *t->record);
  if (!t->waits || !t->code || !t->record) return -1;
  while (i < t->q.recipients && envelope_next(&w, &r) > 0) {
    if (r.type != PARCEL_TO) continue;
    if (envelope_recipient(&to, &r) > 0) {
      run_key(its, &to);
      if (!strcmp(its, key)) choose(t, i, result);
    }
    i++;
  }
  envelope_end(&w);
  return 1;
}

/* What a transaction has one of beside its destination: the reverse-path, and
   the alias that goes into Delivered-To. Two words that differ else: 1 or -1 */
static int sort(stralloc *to, envelope_to const *t)
{
  int remote = t->route == ENVELOPE_REMOTE;
  char const *alias = remote ? envelope_alias(t->address, t->rcpt) : "";
  to->len = 0;
  if (!stralloc_catb(to, alias, strlen(alias) + 1)) return -1;
  if (t->from && !(stralloc_cats(to, "=") && stralloc_cats(to, t->from)))
    return -1;
  return 1;
}

static void enter(transaction *t, unsigned i)
{
  t->waits[i] = 0;
  t->code[i] = -1;
  if (t->record[i].attempts > t->attempts) t->attempts = t->record[i].attempts;
  if (t->retried || t->record[i].status == QUEUE_UNSURE) t->unsure = 1;
}

/* The first that waits, and all of its sort: how many, or -1. */
static int next_sort(transaction *t)
{
  envelope_walk w = queue_file_walk(&t->q);
  stralloc first = STRALLOC_ZERO, its = STRALLOC_ZERO;
  parcel_record r;
  envelope_to to;
  int chosen = 0, good = 1;
  memset(t->code, 0, t->q.recipients * sizeof *t->code);
  t->attempts = 0;
  t->unsure = 0;
  for (unsigned i = 0; good > 0 && envelope_next(&w, &r) > 0;) {
    if (r.type != PARCEL_TO || !t->waits[i++]) continue;
    envelope_recipient(&to, &r);
    good = sort(chosen ? &its : &first, &to);
    if (good < 0 ||
        (chosen && (its.len != first.len || memcmp(its.s, first.s, its.len))))
      continue;
    enter(t, i - 1);
    chosen++;
  }
  envelope_end(&w);
  stralloc_free(&first);
  stralloc_free(&its);
  return good < 0 ? -1 : chosen;
}

static int put_facts(transaction *t, parcel_out *out)
{
  char fact[64];
  int r;
  snprintf(fact, sizeof fact, "queue=%s", t->id);
  r = parcel_puts(out, PARCEL_CLIENT, fact, t->deadline);
  snprintf(fact, sizeof fact, "attempt=%u%s", t->attempts + 1,
           t->unsure ? "?" : "");
  return r == 1 ? parcel_puts(out, PARCEL_CLIENT, fact, t->deadline) : r;
}

/* The envelope with our facts, our id, and the chosen recipients only. */
static int put_envelope(transaction *t, parcel_out *out)
{
  envelope_walk w = queue_file_walk(&t->q);
  parcel_record r;
  unsigned i = 0;
  int done = parcel_puts(out, PARCEL_BEGIN, t->id, t->deadline);
  while (done == 1 && envelope_next(&w, &r) > 0) {
    if (r.type == PARCEL_BEGIN || parcel_fact(&r, "queue") ||
        parcel_fact(&r, "attempt"))
      continue;
    if (r.type == PARCEL_FROM) done = put_facts(t, out);
    if (r.type == PARCEL_TO && !t->code[i++]) continue;
    if (done == 1) done = parcel_put(out, r.type, r.s, r.len, t->deadline);
  }
  envelope_end(&w);
  return done;
}

static int put_message(transaction *t, parcel_out *out)
{
  static char piece[PIECE];
  uint64_t at = t->q.message, end = at + t->q.size;
  while (at < end) {
    size_t n = end - at < PIECE ? (size_t)(end - at) : PIECE;
    ssize_t got = pread(t->q.fd, piece, n, (off_t)at);
    int r;
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return errno = got ? errno : EPROTO, -1;
    r = parcel_put_message(out, piece, (size_t)got, t->deadline);
    if (r != 1) return r;
    at += (uint64_t)got;
  }
  return 1;
}

static void answered(transaction *t, unsigned i, parcel_report const *r)
{
  t->code[i] = r->code;
  snprintf(t->record[i].reply, sizeof t->record[i].reply, "%d %.*s", r->code,
           QUEUE_REPLY - 8, r->text);
}

static void one_report(parcel_report const *r, void *data)
{
  transaction *t = data;
  if (r->number < t->q.recipients && t->code[r->number])
    answered(t, (unsigned)r->number, r);
}

/* 1: every chosen recipient has an answer; -1: errno, some may have none. An
   answer before the end can only be a no. */
static int ask(transaction *t, station *s)
{
  parcel_report all;
  int early;
  int r = put_envelope(t, &s->out);
  if (r == 1) r = put_message(t, &s->out);
  if (r == 1) r = parcel_put(&s->out, PARCEL_END, "", 0, t->deadline);
  if (r == 1) r = parcel_flush(&s->out, t->deadline);
  if (r < 0) return -1;
  early = r == 0;
  r = station_reports(s, t->id, &all, one_report, t, t->deadline);
  if (early) station_close(s);
  if (r < 0 || (early && all.code < 400)) return -1;
  for (unsigned i = 0; i < t->q.recipients; i++)
    if (t->code[i] == -1) answered(t, i, &all);
  return 1;
}

static void sum_up(queue_record const *x, work_result *r)
{
  if (queue_tells(x->status)) r->failed = 1;
  if (!queue_waits(x->status)) return;
  if (r->outcome == WORK_DONE || x->next < r->next) r->next = x->next;
  r->outcome = WORK_LATER;
}

/* A state that could not be written: what is delivered is not sent again as
   long as we live, a notice of it is lost, but a failure is asked for again,
   since it is told from the file. */
static void not_written(run_config const *c, transaction *t, unsigned i,
                        long long now, work_result *r)
{
  log_warnsys("unable to write the state of %s", t->id);
  r->unwritten = 1;
  if (t->record[i].status != QUEUE_FAILED) return;
  t->record[i].status = QUEUE_WAITING;
  t->record[i].next = now + c->when.first;
}

/* What the answer says of the destination. */
static void learn(transaction const *t, unsigned i, work_result *r)
{
  int code = t->code[i];
  if (code < 0) return;
  if (code / 100 != 4) r->good = 1;
  if (!judge_says_down(t->record[i].reply)) {
    r->alive = 1;
    return;
  }
  r->down = 1;
  memcpy(r->reply, t->record[i].reply, sizeof r->reply);
}

/* Writes what became of each recipient: one fdatasync for all. */
static void record(run_config const *c, transaction *t, work_result *r)
{
  envelope_walk w = queue_file_walk(&t->q);
  judge g = {.c = c,
             .id = t->id,
             .arrival = t->q.time,
             .now = time(0),
             .quiet = judge_quiet(&t->q)};
  parcel_record p;
  envelope_to to;
  unsigned i = 0;
  while (i < t->q.recipients && envelope_next(&w, &p) > 0) {
    if (p.type != PARCEL_TO) continue;
    if (t->code[i] && envelope_recipient(&to, &p) > 0) {
      learn(t, i, r);
      judge_answer(&g, &to, t->record + i, t->code[i]);
      if (queue_record_put(&t->q, i, t->record + i) < 0)
        not_written(c, t, i, g.now, r);
      sum_up(t->record + i, r);
    }
    i++;
  }
  envelope_end(&w);
  if (fdatasync(t->q.fd) < 0)
    log_warnsys("unable to sync the state of %s", t->id);
}

/* 1, or 0: there is no service. */
static int transact(run_config const *c, transaction *t, char const *path,
                    station *s, work_result *r)
{
  t->deadline = io_after((int64_t)c->lane_seconds * 1000);
  if (station_open(s, path, t->deadline) < 0) {
    r->outcome = WORK_NO_SERVICE;
    return 0;
  }
  if (ask(t, s) < 0) {
    log_warnsys("no answer from %s for %s", path, t->id);
    station_close(s);
  }
  record(c, t, r);
  return 1;
}

/* One transaction after the other, while there is time; who is left is due
   still, and gets an order of his own. */
static void transact_all(run_config const *c, transaction *t, char const *path,
                         station *s, work_result *r)
{
  io_time last = io_after(MORE_MS);
  int got;
  do {
    got = next_sort(t);
    if (got < 0) r->outcome = WORK_TROUBLE;
    if (got <= 0 || !transact(c, t, path, s, r)) return;
  } while (io_left(last));
  for (unsigned i = 0; i < t->q.recipients; i++) {
    if (!t->waits[i]) continue;
    sum_up(t->record + i, r);
    if (t->retried) r->outcome = WORK_TROUBLE; /* it keeps being unsure */
  }
}

void work(run_config const *c, station *s, work_order const *o, work_result *r)
{
  transaction t = {.id = o->id, .retried = o->unsure};
  *r = (work_result){.outcome = WORK_DONE};
  if (!work_open(c, &t.q, o, r)) return;
  if (select_recipients(&t, o->key, r) < 0)
    r->outcome = WORK_TROUBLE;
  else
    transact_all(c, &t, *o->key == RUN_LOCAL ? c->local : c->send, s, r);
  free(t.waits);
  free(t.code);
  free(t.record);
  queue_file_close(&t.q);
}
