#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf.h"
#include "judge.h"
#include "log.h"
#include "next-hop.h"
#include "via.h"
#include "work-file.h"

#define PIECE 65536
#define MORE_MS                                                                \
  30000 /* less than the time that lane.c adds to one transaction */

/* A recipient that waits for the destination */
typedef struct waiting {
  unsigned i;  /* which one of the message's */
  char chosen; /* for the transaction */
  int code;    /* -1: no answer yet; 0: it has no transaction yet */
  queue_record record;
} waiting;

/* One transaction of those that wait for a destination: whose parcel may be the
   same. */
typedef struct transaction {
  work_file *f;
  char const *id;
  waiting *v;
  size_t n, room;
  unsigned attempts; /* the most of any chosen */
  int unsure;
  int retried; /* the order says that all may be unsure */
  io_time deadline;
} transaction;

static int add(transaction *t, unsigned i, queue_record const *x)
{
  if (t->n == t->room) {
    size_t room = t->room ? 4 * t->room : 4;
    waiting *v = realloc(t->v, room * sizeof *v);
    if (!v) return -1;
    t->v = v;
    t->room = room;
  }
  t->v[t->n++] = (waiting){.i = i, .record = *x};
  return 1;
}

/* Those that wait for this destination: 1 or -1. A failure may have been
   recorded by a lane that died before it said so. */
static int select_recipients(transaction *t, char const *key, work_result *r)
{
  queue_record x;
  int got;
  for (unsigned i = 0; (got = work_file_next(t->f, key, &i, &x)) > 0; i++) {
    if (queue_record_tells(&x)) r->failed = 1;
    if (queue_waits(x.status) && add(t, i, &x) < 0) return -1;
  }
  return got < 0 ? -1 : 1;
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

static void enter(transaction *t, waiting *x)
{
  x->chosen = 1;
  x->code = -1;
  if (x->record.attempts > t->attempts) t->attempts = x->record.attempts;
  if (t->retried || x->record.status == QUEUE_UNSURE) t->unsure = 1;
}

/* The first that waits, and all of its sort: how many, or -1. */
static int next_sort(transaction *t)
{
  stralloc first = STRALLOC_ZERO, its = STRALLOC_ZERO;
  int chosen = 0, good = 1;
  t->attempts = 0;
  t->unsure = 0;
  for (size_t k = 0; good > 0 && k < t->n; k++) {
    waiting *x = t->v + k;
    envelope_walk w;
    parcel_record r;
    envelope_to to;
    x->chosen = 0;
    if (x->code) continue;
    good = work_file_to(t->f, x->i, &w, &r, &to);
    if (good > 0) good = sort(chosen ? &its : &first, &to);
    envelope_end(&w);
    if (good < 0 ||
        (chosen && (its.len != first.len || memcmp(its.s, first.s, its.len))))
      continue;
    enter(t, x);
    chosen++;
  }
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

/* A recipient, and where he goes if routes(5) has that. */
static int put_to(transaction *t, parcel_out *out, parcel_record const *r,
                  envelope_to const *to)
{
  stralloc s = STRALLOC_ZERO;
  char hop[NEXT_HOP];
  int done;
  if (run_hop(to, hop) <= 0 || !strcmp(hop, to->via))
    return parcel_put(out, r->type, r->s, r->len, t->deadline);
  done = via_put(&s, r, hop, to->route == ENVELOPE_LOCAL);
  if (done > 0) done = parcel_put(out, r->type, s.s, s.len, t->deadline);
  stralloc_free(&s);
  return done;
}

static int put_recipients(transaction *t, parcel_out *out)
{
  int done = 1;
  for (size_t k = 0; done == 1 && k < t->n; k++) {
    envelope_walk w;
    parcel_record r;
    envelope_to to;
    if (!t->v[k].chosen) continue;
    done = work_file_to(t->f, t->v[k].i, &w, &r, &to);
    if (done == 1) done = put_to(t, out, &r, &to);
    envelope_end(&w);
  }
  return done;
}

/* The envelope with our facts, our id, and the chosen recipients only. */
static int put_envelope(transaction *t, parcel_out *out)
{
  envelope_walk w = queue_file_walk(&t->f->q);
  parcel_record r;
  int done = parcel_puts(out, PARCEL_BEGIN, t->id, t->deadline);
  while (done == 1 && envelope_next(&w, &r) > 0 && r.type != PARCEL_TO) {
    if (r.type == PARCEL_BEGIN || parcel_fact(&r, "queue") ||
        parcel_fact(&r, "attempt"))
      continue;
    if (r.type == PARCEL_FROM) done = put_facts(t, out);
    if (done == 1) done = parcel_put(out, r.type, r.s, r.len, t->deadline);
  }
  envelope_end(&w);
  return done == 1 ? put_recipients(t, out) : done;
}

static int put_message(transaction *t, parcel_out *out)
{
  static char piece[PIECE];
  uint64_t at = t->f->q.message, end = at + t->f->q.size;
  while (at < end) {
    size_t n = end - at < PIECE ? (size_t)(end - at) : PIECE;
    ssize_t got = pread(t->f->q.fd, piece, n, (off_t)at);
    int r;
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return errno = got ? errno : EPROTO, -1;
    r = parcel_put_message(out, piece, (size_t)got, t->deadline);
    if (r != 1) return r;
    at += (uint64_t)got;
  }
  return 1;
}

static void answered(waiting *x, parcel_report const *r)
{
  x->code = r->code;
  snprintf(x->record.reply, sizeof x->record.reply, "%d %.*s", r->code,
           QUEUE_REPLY - 8, r->text);
}

static int by_number(void const *number, void const *x)
{
  unsigned long n = *(unsigned long const *)number;
  unsigned i = ((waiting const *)x)->i;
  return (n > i) - (n < i);
}

static void one_report(parcel_report const *r, void *data)
{
  transaction *t = data;
  waiting *x = bsearch(&r->number, t->v, t->n, sizeof *t->v, by_number);
  if (x && x->chosen) answered(x, r);
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
  for (size_t k = 0; k < t->n; k++)
    if (t->v[k].chosen && t->v[k].code == -1) answered(t->v + k, &all);
  return 1;
}

static void sum_up(queue_record const *x, work_result *r)
{
  if (queue_record_tells(x)) r->failed = 1;
  if (!queue_waits(x->status)) return;
  if (r->outcome == WORK_DONE || x->next < r->next) r->next = x->next;
  r->outcome = WORK_LATER;
}

/* A state that could not be written: what is delivered is not sent again as
   long as we live, a notice of it is lost, but a failure is asked for again,
   since it is told from the file. */
static void not_written(run_config const *c, transaction *t, waiting *x,
                        long long now, work_result *r)
{
  log_warnsys("unable to write the state of %s", t->id);
  r->unwritten = 1;
  if (x->record.status != QUEUE_FAILED) return;
  x->record.status = QUEUE_WAITING;
  x->record.next = now + c->when.first;
}

/* What the answer says of the destination. */
static void learn(waiting const *x, work_result *r)
{
  if (x->code < 0) return;
  if (x->code / 100 != 4) r->good = 1;
  if (!judge_says_down(x->record.reply)) {
    r->alive = 1;
    return;
  }
  r->down = 1;
  memcpy(r->reply, x->record.reply, sizeof r->reply);
}

/* Writes what became of each recipient: one fdatasync for all. */
static void record(run_config const *c, transaction *t, work_result *r)
{
  queue_file *q = &t->f->q;
  judge g = {.c = c,
             .id = t->id,
             .arrival = q->time,
             .now = time(0),
             .quiet = judge_quiet(q)};
  for (size_t k = 0; k < t->n; k++) {
    waiting *x = t->v + k;
    envelope_walk w;
    parcel_record p;
    envelope_to to;
    if (!x->chosen) continue;
    learn(x, r);
    if (work_file_to(t->f, x->i, &w, &p, &to) > 0)
      judge_answer(&g, &to, &x->record, x->code);
    envelope_end(&w);
    if (queue_record_put(q, x->i, &x->record) < 0)
      not_written(c, t, x, g.now, r);
    sum_up(&x->record, r);
  }
  if (fdatasync(q->fd) < 0)
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
  for (size_t k = 0; k < t->n; k++) {
    if (t->v[k].code) continue;
    sum_up(&t->v[k].record, r);
    if (t->retried) r->outcome = WORK_TROUBLE; /* it keeps being unsure */
  }
}

/* routes(5) has the answer. */
static void answer_all(run_config const *c, transaction *t, char const *hop,
                       work_result *r)
{
  parcel_report x = {.code = 250, .text = "2.0.0 Discarded"};
  if (!strncmp(hop, "error:", 6)) {
    hop += 6;
    x.code = *hop == '4' ? 450 : 550;
    snprintf(x.text, sizeof x.text, "%s", hop + strcspn(hop, " ") + 1);
  }
  for (size_t k = 0; k < t->n; k++) {
    t->v[k].chosen = 1;
    answered(t->v + k, &x);
  }
  record(c, t, r);
}

static void do_order(run_config const *c, transaction *t, char const *key,
                     station *s, work_result *r)
{
  char name[NEXT_HOP + 8];
  switch (*key) {
  case RUN_LOCAL: transact_all(c, t, c->local, s, r); break;
  case RUN_ANSWER: answer_all(c, t, key + 1, r); break;
  case RUN_UNKNOWN: /* that is no attempt */
    r->outcome = WORK_LATER;
    r->next = time(0) + c->soon;
    break;
  case RUN_PIPE:
    snprintf(name, sizeof name, "pipe-%s", key + 1 + strlen("pipe:"));
    transact_all(c, t, conf_socket(name), s, r);
    break;
  default: transact_all(c, t, c->send, s, r);
  }
}

void work(run_config const *c, station *s, work_order const *o, work_result *r)
{
  transaction t = {.id = o->id, .retried = o->unsure};
  *r = (work_result){.outcome = WORK_DONE};
  t.f = work_file_open(c, o, r);
  if (!t.f) return;
  if (select_recipients(&t, o->key, r) < 0)
    r->outcome = WORK_TROUBLE;
  else if (t.n)
    do_order(c, &t, o->key, s, r);
  else
    r->moved = r->left;
  free(t.v);
  work_file_done(t.f);
}
