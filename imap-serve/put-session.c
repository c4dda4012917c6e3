#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "log.h"
#include "put-deliver.h"
#include "put-session.h"
#include "station.h"

#define HEAD (4 * 1024 * 1024) /* most bytes of records kept beside M E H A */

#define FROM 1000 /* longest reverse-path */

enum mode {
  KEEPING, /* it may become ours */
  PASSING, /* it goes on to the queue */
  REFUSED  /* read to the end, then the reply */
};

typedef struct session {
  parcel_in in;
  int out;
  char const *queue;
  put_deliver deliver;
  station next;
  compose message;
  stralloc head;   /* I P F T */
  stralloc judged; /* V and what we do not know */
  char state;      /* parcel_order */
  enum mode mode;
  char id[PARCEL_ID + 1];
  unsigned recipients;
  io_time deadline;
  int code; /* of a REFUSED parcel */
  char text[PARCEL_REPLY];
} session;

static void refuse(session *s, int code, char const *text)
{
  if (s->mode == PASSING) station_close(&s->next);
  if (s->mode == REFUSED) return;
  s->mode = REFUSED;
  s->code = code;
  parcel_clean(s->text, sizeof s->text, text, strlen(text));
  compose_reset(&s->message);
}

static void begin(session *s, parcel_record const *r)
{
  snprintf(s->id, sizeof s->id, "%.*s", (int)r->len, r->s);
  s->mode = KEEPING;
  s->head.len = s->judged.len = 0;
  s->recipients = 0;
  s->deadline = io_after(PARCEL_MS);
  compose_reset(&s->message);
}

static int report(session *s, char kind, unsigned long number, int code,
                  char const *text)
{
  parcel_report r;
  if (parcel_report_make(&r, kind, s->id, number, code, text) < 0) return -1;
  return parcel_report_put(s->out, &r, io_after(PARCEL_MS));
}

/* The sink beyond said something before the end, or went away. */
static void cut_short(session *s, int r)
{
  parcel_report said;
  if (r == 0 &&
      station_reports(&s->next, s->id, &said, 0, 0, s->deadline) > 0 &&
      said.code >= 400)
    refuse(s, said.code, said.text);
  else {
    log_warnsys("unable to hand %s on to %s", s->id, s->queue);
    refuse(s, 451, "4.3.0 Queue trouble");
  }
}

static void pass(session *s, parcel_record const *r)
{
  int done = parcel_put(&s->next.out, r->type, r->s, r->len, s->deadline);
  if (done != 1) cut_short(s, done);
}

static int pass_kept(session *s, stralloc *kept)
{
  envelope_walk w = {.s = kept->s, .len = kept->len};
  parcel_record r;
  int got;
  while ((got = envelope_next(&w, &r)) > 0) {
    int done = parcel_put(&s->next.out, r.type, r.s, r.len, s->deadline);
    if (done != 1) return envelope_end(&w), done;
  }
  return got < 0 ? -1 : 1;
}

/* From now on the parcel is the queue's, with all that we have of it. */
static void hand_on(session *s)
{
  int r;
  if (station_open(&s->next, s->queue, s->deadline) < 0) {
    log_warnsys("unable to connect to %s", s->queue);
    refuse(s, 451, "4.3.0 Queue not available");
    return;
  }
  s->mode = PASSING;
  r = pass_kept(s, &s->head);
  if (r == 1) r = pass_kept(s, &s->judged);
  if (r == 1) r = compose_forward(&s->message, &s->next.out, s->deadline);
  if (r != 1) cut_short(s, r);
  compose_reset(&s->message);
}

static void keep(session *s, stralloc *to, parcel_record const *r)
{
  if (s->head.len + s->judged.len + r->len > HEAD)
    refuse(s, 552, "5.3.4 Envelope too big");
  else if (envelope_add(to, r) < 0)
    refuse(s, 451, "4.3.0 Out of memory");
}

/* Whether we may store for this recipient ourselves (one commit point). */
static int plain(envelope_to const *t)
{
  return t->route == ENVELOPE_LOCAL && !strcasestr(t->notify, "SUCCESS");
}

static void recipient(session *s, parcel_record const *r)
{
  envelope_to t;
  if (envelope_recipient(&t, r) < 0) {
    refuse(s, 550, "5.1.3 Bad recipient record");
    return;
  }
  s->recipients++;
  keep(s, &s->head, r);
  if (s->mode != KEEPING) return;
  if (s->queue && (s->recipients > 1 || !plain(&t)))
    hand_on(s);
  else if (!s->queue && t.route != ENVELOPE_LOCAL)
    refuse(s, 550, "5.3.5 Not a local recipient");
}

static void verdict(session *s, parcel_record const *r)
{
  envelope_verdict v;
  if (envelope_judge(&v, r) < 0)
    refuse(s, 451, "4.3.0 Bad verdict record");
  else if (v.kind != 'j' && !v.one)
    refuse(s, v.code, v.text);
  else
    keep(s, &s->judged, r);
}

static void content(session *s, parcel_record const *r)
{
  int took = compose_take(&s->message, r);
  if (took > 0) return;
  if (took == 0)
    refuse(s, 552, "5.3.4 Message header too big");
  else if (errno == EPROTO)
    refuse(s, 451, "4.3.0 Bad header record");
  else if (s->queue) {
    log_warnsys("unable to spool %s", s->id);
    hand_on(s);
    if (s->mode == PASSING) pass(s, r);
  } else {
    log_warnsys("unable to spool %s", s->id);
    refuse(s, 452, "4.3.1 No space left");
  }
}

static void kept(session *s, parcel_record const *r)
{
  switch (r->type) {
  case PARCEL_FROM: {
    char const *from = parcel_part(r, 0);
    if (!envelope_address(from) || strlen(from) > FROM) {
      refuse(s, 550, "5.1.7 Bad reverse-path");
      return;
    }
    keep(s, &s->head, r);
    break;
  }
  case PARCEL_BEGIN:
  case PARCEL_CLIENT: keep(s, &s->head, r); break;
  case PARCEL_TO: recipient(s, r); break;
  case PARCEL_VERDICT: verdict(s, r); break;
  case PARCEL_MESSAGE:
  case PARCEL_OMIT:
  case PARCEL_FIELD:
  case PARCEL_RESULT: content(s, r); break;
  default: keep(s, &s->judged, r);
  }
}

static int settle(session *s, parcel_record const *r)
{
  parcel_report a;
  if (s->mode == PASSING) {
    pass(s, r);
    if (s->mode == PASSING && parcel_flush(&s->next.out, s->deadline) == 1 &&
        station_answer(&s->next, s->id, &a, s->deadline) > 0)
      return parcel_report_put(s->out, &a, s->deadline);
    refuse(s, 451, "4.3.0 Queue trouble");
  }
  if (s->mode == REFUSED) return report(s, 'Q', 0, s->code, s->text);
  return report(s, 'Q', 0, 250, "2.0.0 Go on");
}

/* What the records say of the whole parcel. The strings are in head, which
   must not be walked meanwhile with its ends cut: they are copied. */
typedef struct facts {
  put_facts f;
  char by[256], from[FROM + 1], queue[PARCEL_ID + 1];
} facts;

static void fact(char *to, size_t size, char const *value)
{
  if (value && envelope_address(value)) snprintf(to, size, "%s", value);
}

static int gather(session *s, facts *x)
{
  envelope_walk w = {.s = s->head.s, .len = s->head.len};
  parcel_record r;
  int got;
  *x = (facts){.f = {.id = s->id, .by = x->by, .from = x->from}};
  while ((got = envelope_next(&w, &r)) > 0 && r.type != PARCEL_TO) {
    char const *attempt = parcel_fact(&r, "attempt");
    fact(x->by, sizeof x->by, parcel_fact(&r, "by"));
    fact(x->queue, sizeof x->queue, parcel_fact(&r, "queue"));
    if (attempt && strchr(attempt, '?')) x->f.repeated = 1;
    if (r.type == PARCEL_FROM) fact(x->from, sizeof x->from, r.s);
  }
  envelope_end(&w);
  if (!*x->by) fact(x->by, sizeof x->by, conf_me());
  if (*x->queue) x->f.queue = x->queue;
  w = (envelope_walk){.s = s->judged.s, .len = s->judged.len};
  while (got >= 0 && (got = envelope_next(&w, &r)) > 0)
    if (r.type == PARCEL_VERDICT && *r.s == 'j') x->f.junk = 1;
  return got;
}

/* The verdict on one recipient, if there is any. */
static int judged(session *s, unsigned long number, int *code, char *text)
{
  envelope_walk w = {.s = s->judged.s, .len = s->judged.len};
  parcel_record r;
  envelope_verdict v;
  int found = 0;
  while (!found && envelope_next(&w, &r) > 0)
    if (r.type == PARCEL_VERDICT && envelope_judge(&v, &r) > 0 &&
        v.kind != 'j' && v.one && v.number == number) {
      *code = v.code;
      parcel_clean(text, PARCEL_REPLY, v.text, strlen(v.text));
      found = 1;
    }
  envelope_end(&w);
  return found;
}

/* One recipient: 1, or 0 if the whole parcel had better be handed on. */
static int one(session *s, put_facts const *f, envelope_to const *to, int *code,
               char *text)
{
  char const *said;
  int r;
  if (judged(s, to->number, code, text)) return 1;
  r = put_deliver_one(&s->deliver, &s->message, f, to, code, &said);
  snprintf(text, PARCEL_REPLY, "%s", said);
  return r != PUT_FAILED || *code >= 500;
}

/* Every recipient has a report of its own if there are several. The parcel's
   is the first good one, else the last. */
static int deliver(session *s)
{
  envelope_walk w = {.s = s->head.s, .len = s->head.len};
  parcel_record r;
  facts x;
  int code = 554, best = 0;
  char text[PARCEL_REPLY] = "5.5.1 No recipients", all[PARCEL_REPLY];
  if (gather(s, &x) < 0) return report(s, 'R', 0, 451, "4.3.0 Bad records");
  while (envelope_next(&w, &r) > 0) {
    envelope_to to;
    if (r.type != PARCEL_TO || envelope_recipient(&to, &r) < 0) continue;
    if (!one(s, &x.f, &to, &code, text) && s->queue) {
      envelope_end(&w);
      return 0;
    }
    if (s->recipients > 1 && report(s, 'T', to.number, code, text) < 0)
      return envelope_end(&w), -1;
    if (best / 100 == 2) continue;
    best = code;
    memcpy(all, text, sizeof all);
  }
  return best ? report(s, 'R', 0, best, all) : report(s, 'R', 0, code, text);
}

static void relay(parcel_report const *r, void *data)
{
  session *s = data;
  if (parcel_report_put(s->out, r, s->deadline) < 0)
    log_warnsys("unable to report %s", s->id);
}

static int passed(session *s, parcel_record const *end)
{
  parcel_report r;
  pass(s, end);
  if (s->mode == PASSING) {
    int done = parcel_flush(&s->next.out, s->deadline);
    if (done == 0 || (done == 1 && station_reports(&s->next, s->id, &r, relay,
                                                   s, s->deadline) > 0)) {
      if (done == 1) return parcel_report_put(s->out, &r, io_after(PARCEL_MS));
    }
    cut_short(s, done == 0 ? 0 : -1);
  }
  return report(s, 'R', 0, s->code, s->text);
}

static int end(session *s, parcel_record const *r)
{
  int done = s->mode == KEEPING ? deliver(s) : 0;
  if (done) return done;
  if (s->mode == KEEPING) hand_on(s);
  if (s->mode == PASSING) return passed(s, r);
  return report(s, 'R', 0, s->code, s->text);
}

static int record(session *s, parcel_record const *r)
{
  if (r->type == PARCEL_BEGIN) begin(s, r);
  if (r->type == PARCEL_END) {
    int done = end(s, r);
    s->deadline = IO_FOREVER;
    compose_reset(&s->message);
    return done;
  }
  if (r->type == PARCEL_SETTLE) return settle(s, r);
  if (s->mode == PASSING)
    pass(s, r);
  else if (s->mode == KEEPING)
    kept(s, r);
  return 1;
}

int put_session(int in, int out, fresh_table *mail, char const *queue)
{
  static session s = {.next = STATION_ZERO,
                      .message = COMPOSE_ZERO,
                      .deliver = {.box = {-1, -1}},
                      .deadline = IO_FOREVER};
  parcel_record r;
  int got;
  s.out = out;
  s.queue = queue;
  s.deliver.mail = mail;
  if (parcel_in_init(&s.in, in) < 0) return 111;
  while ((got = parcel_get(&s.in, &r, s.deadline)) > 0)
    if ((got = parcel_order(&s.state, r.type)) < 0 ||
        (got = record(&s, &r)) < 0)
      break;
  if (got == 0 && s.state == 0) return 0;
  if (got < 0) log_warnsys("parcel %s broken off", s.id);
  return errno == ETIMEDOUT ? 99 : 111;
}
