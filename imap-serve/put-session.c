#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <skalibs/types.h>

#include "log.h"
#include "put-deliver.h"
#include "put-session.h"
#include "put-stored.h"
#include "sink.h"
#include "station.h"

typedef struct session {
  char const *queue; /* socket, or 0 */
  put_deliver deliver;
  put_stored stored;
  station next;
  stralloc mailbox; /* of the last recipient, "": not here */
  unsigned long number;
  int several; /* its RCPT has other targets */
} session;

static void refuse(sink *s, int code, char const *text)
{
  session *x = s->data;
  if (s->passing) station_close(&x->next);
  sink_refuse(s, code, text);
}

/* The queue said something before the end, or went away. */
static void cut_short(sink *s, int r)
{
  session *x = s->data;
  parcel_report said;
  if (r == 0 &&
      station_reports(&x->next, s->id, &said, 0, 0, s->deadline) > 0 &&
      said.code >= 400) {
    refuse(s, said.code, said.text);
    return;
  }
  log_warnsys("unable to hand %s on to %s", s->id, x->queue);
  refuse(s, 451, "4.3.0 Queue trouble");
}

static int put_kept(sink *s, stralloc *kept)
{
  session *x = s->data;
  envelope_walk w = {.s = kept->s, .len = kept->len};
  parcel_record r;
  int got;
  while ((got = envelope_next(&w, &r)) > 0) {
    int done = parcel_put(&x->next.out, r.type, r.s, r.len, s->deadline);
    if (done != 1) return envelope_end(&w), done;
  }
  return got < 0 ? -1 : 1;
}

/* From now on the parcel is the queue's, with all that we have of it. */
static void hand_on(sink *s)
{
  session *x = s->data;
  int r;
  if (station_open(&x->next, x->queue, s->deadline) < 0) {
    log_warnsys("unable to connect to %s", x->queue);
    sink_refuse(s, 451, "4.3.0 Queue not available");
    return;
  }
  s->passing = 1;
  r = put_kept(s, &s->head);
  if (r == 1) r = put_kept(s, &s->judged);
  if (r == 1) r = compose_forward(&s->message, &x->next.out, s->deadline);
  if (r != 1) cut_short(s, r);
  compose_reset(&s->message);
}

static void begin(sink *s)
{
  session *x = s->data;
  x->mailbox.len = 0;
  put_stored_reset(&x->stored);
}

/* Whether we may store for this recipient ourselves (one commit point). A
   delivery program takes its time, and nobody's client waits for it. */
static int plain(sink *s, envelope_to const *t)
{
  session *x = s->data;
  return t->route == ENVELOPE_LOCAL && !strcasestr(t->notify, "SUCCESS") &&
         !put_deliver_program(&x->deliver, t->mailbox);
}

static void remember(sink *s, envelope_to const *to)
{
  session *x = s->data;
  x->several = x->mailbox.len && x->number == to->number;
  x->number = to->number;
  x->mailbox.len = 0;
  if (!stralloc_cats(&x->mailbox, to->mailbox) || !stralloc_0(&x->mailbox))
    sink_refuse(s, 451, "4.3.0 Out of memory");
}

/* What MAIL said of the message's size (RFC 1870) */
static uint64_t size_told(sink *s)
{
  envelope_walk w = {.s = s->head.s, .len = s->head.len};
  parcel_record r;
  uint64_t n = 0;
  while (envelope_next(&w, &r) > 0 && r.type != PARCEL_TO) {
    char const *size = r.type == PARCEL_FROM ? parcel_param(&r, 1, "SIZE") : 0;
    if (size && !uint64_scan(size, &n)) n = 0;
  }
  envelope_end(&w);
  return n;
}

/* A full mailbox is refused at RCPT: later it would have to be bounced. Not
   one of several targets, for the others may have room; and what queue-run
   delivers may be here already, and is looked for first. */
static int full(sink *s, int *code, char const **text)
{
  session *x = s->data;
  return x->queue && !x->several && x->mailbox.len > 1 &&
         !put_deliver_room(&x->deliver, x->mailbox.s, size_told(s), code, text);
}

static void asked(sink *s)
{
  session *x = s->data;
  char const *text;
  int code;
  if (full(s, &code, &text)) sink_judge(s, x->number, code, text);
}

static void recipient(sink *s, envelope_to const *to)
{
  session *x = s->data;
  char const *dir = 0;
  remember(s, to);
  if (s->recipients == 1 && to->route == ENVELOPE_LOCAL)
    dir = put_deliver_spool(&x->deliver, to->mailbox);
  if (x->queue && (s->recipients > 1 || !plain(s, to)))
    hand_on(s);
  else if (!x->queue && to->route != ENVELOPE_LOCAL)
    sink_refuse(s, 550, "5.3.5 Not a local recipient");
  else if (s->recipients == 1)
    s->message.message.dir = dir;
}

static void relay(parcel_report const *r, void *data)
{
  sink *s = data;
  if (parcel_report_put(s->out, r, s->deadline) < 0)
    log_warnsys("unable to report %s", s->id);
}

/* The end of a parcel that was handed on: its reports are ours. */
static int finish(sink *s)
{
  session *x = s->data;
  parcel_report r;
  int done = parcel_flush(&x->next.out, s->deadline);
  if (done == 1) {
    if (station_reports(&x->next, s->id, &r, relay, s, s->deadline) > 0)
      return parcel_report_put(s->out, &r, io_after(PARCEL_MS));
    done = -1;
  }
  cut_short(s, done);
  return sink_report(s, 'R', 0, s->code, s->text);
}

/* While passing, the same: the queue hears of it and answers. */
static void asked_passing(sink *s)
{
  session *x = s->data;
  char const *text;
  char body[PARCEL_REPLY + 64];
  int code, done = 1;
  if (full(s, &code, &text))
    done = parcel_put(&x->next.out, PARCEL_VERDICT, body,
                      sink_verdict(body, x->number, code, text), s->deadline);
  if (done != 1) cut_short(s, done);
}

static int settle(sink *s)
{
  session *x = s->data;
  parcel_report a;
  if (parcel_flush(&x->next.out, s->deadline) == 1 &&
      station_answer(&x->next, s->id, &a, s->deadline) > 0)
    return parcel_report_put(s->out, &a, s->deadline);
  refuse(s, 451, "4.3.0 Queue trouble");
  return sink_report(s, 'Q', 0, s->code, s->text);
}

static int pass(sink *s, parcel_record const *r)
{
  session *x = s->data;
  envelope_to to;
  int done = 1;
  if (r->type == PARCEL_TO && envelope_recipient(&to, r) > 0) remember(s, &to);
  /* the queue is to hear what we say of a recipient before it is asked */
  if (r->type == PARCEL_SETTLE) asked_passing(s);
  if (s->passing)
    done = parcel_put(&x->next.out, r->type, r->s, r->len, s->deadline);
  if (done != 1) cut_short(s, done);
  if (r->type == PARCEL_END)
    return s->passing ? finish(s) : sink_report(s, 'R', 0, s->code, s->text);
  if (r->type != PARCEL_SETTLE) return 1;
  return s->passing ? settle(s) : sink_report(s, 'Q', 0, s->code, s->text);
}

static void no_room(sink *s, parcel_record const *r)
{
  session *x = s->data;
  if (x->queue)
    hand_on(s);
  else
    sink_refuse(s, 452, "4.3.1 No space left");
  if (s->passing) pass(s, r);
}

/* One recipient: 1, or 0 if the whole parcel had better be handed on. */
static int one(sink *s, put_facts const *f, envelope_to const *to,
               parcel_record const *record, int *code, char *text)
{
  session *x = s->data;
  char const *said;
  int r;
  if (sink_judged(s, to->number, code, text)) return 1;
  if (put_stored_has(&x->stored, to->mailbox)) {
    *code = 250;
    snprintf(text, PARCEL_REPLY, "%s", PUT_DELIVERED);
    return 1;
  }
  r = put_deliver_one(&x->deliver, &s->message, f, to, record, code, &said);
  snprintf(text, PARCEL_REPLY, "%s", said);
  if (r == PUT_STORED && s->recipients > 1)
    put_stored_add(&x->stored, to->mailbox);
  return r != PUT_FAILED;
}

static int hand_on_at_end(sink *s)
{
  parcel_record const last = {PARCEL_END, "", 0};
  hand_on(s);
  return s->passing ? pass(s, &last) : sink_report(s, 'R', 0, s->code, s->text);
}

/* Several recipients have a report each; the parcel's is then the best. */
static int each(sink *s, put_facts const *f)
{
  session *x = s->data;
  envelope_walk w = {.s = s->head.s, .len = s->head.len};
  parcel_record r;
  int code, best = 0;
  char text[PARCEL_REPLY], all[PARCEL_REPLY] = "";
  while (envelope_next(&w, &r) > 0) {
    envelope_to to;
    if (r.type != PARCEL_TO || envelope_recipient(&to, &r) < 0) continue;
    if (!one(s, f, &to, &r, &code, text) && x->queue) {
      envelope_end(&w);
      return hand_on_at_end(s);
    }
    if (s->recipients > 1 && sink_report(s, 'T', to.number, code, text) < 0)
      return envelope_end(&w), -1;
    if (best && best <= code) continue;
    best = code;
    memcpy(all, text, sizeof all);
  }
  return sink_report(s, 'R', 0, best, all);
}

static int end(sink *s)
{
  sink_facts f;
  put_facts p = {.id = s->id, .by = f.by, .from = f.from, .head = &s->head};
  if (sink_facts_get(s, &f) < 0)
    return sink_report(s, 'R', 0, 451, "4.3.0 Bad records");
  if (*f.queue) p.queue = f.queue;
  p.attempt = f.attempt;
  p.repeated = f.repeated;
  p.junk = f.junk;
  return each(s, &p);
}

int put_session(int in, int out, put_config const *c)
{
  session x = {.next = STATION_ZERO,
               .queue = c->queue,
               .mailbox = STRALLOC_ZERO,
               .stored = PUT_STORED_ZERO,
               .deliver = {.box = {-1, -1},
                           .mail = c->mail,
                           .defer = c->defer,
                           .ask = c->ask,
                           .asked = STATION_ZERO}};
  sink s = {.out = out,
            .message = COMPOSE_ZERO,
            .data = &x,
            .begin = begin,
            .recipient = recipient,
            .asked = asked,
            .end = end,
            .no_room = no_room,
            .pass = pass};
  int code = sink_run(&s, in);
  station_free(&x.next);
  stralloc_free(&x.mailbox);
  put_deliver_free(&x.deliver);
  put_stored_free(&x.stored);
  sink_free(&s);
  return code;
}
