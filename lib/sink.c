#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <skalibs/types.h>

#include "conf.h"
#include "log.h"
#include "sink.h"

void sink_refuse(sink *s, int code, char const *text)
{
  s->passing = 0;
  if (s->refused) return;
  s->refused = 1;
  s->code = code;
  parcel_clean(s->text, sizeof s->text, text, strlen(text));
  compose_reset(&s->message);
}

int sink_report(sink *s, char kind, unsigned long number, int code,
                char const *text)
{
  parcel_report r;
  if (parcel_report_make(&r, kind, s->id, number, code, text) < 0) return -1;
  return parcel_report_put(s->out, &r, io_after(PARCEL_MS));
}

static void begin(sink *s, parcel_record const *r)
{
  snprintf(s->id, sizeof s->id, "%.*s", (int)r->len, r->s);
  s->refused = s->passing = 0;
  s->head.len = s->judged.len = 0;
  s->recipients = 0;
  s->one_answer = 0;
  compose_reset(&s->message);
  s->begin(s);
}

static void keep(sink *s, stralloc *to, parcel_record const *r)
{
  if (s->head.len + s->judged.len + r->len > SINK_HEAD)
    sink_refuse(s, 552, "5.3.4 Envelope too big");
  else if (envelope_add(to, r) < 0)
    sink_refuse(s, 451, "4.3.0 Out of memory");
}

static void from(sink *s, parcel_record const *r)
{
  if (strlen(r->s) > SINK_FROM || !envelope_address(r->s))
    sink_refuse(s, 550, "5.1.7 Bad reverse-path");
  else
    keep(s, &s->head, r);
}

static void recipient(sink *s, parcel_record const *r)
{
  envelope_to t;
  if (envelope_recipient(&t, r) < 0 || t.route == ENVELOPE_EXPANDED) {
    sink_refuse(s, 550, "5.1.3 Bad recipient record");
    return;
  }
  if (++s->recipients > PARCEL_RECIPIENTS)
    sink_refuse(s, 552, "5.5.3 Too many recipients");
  s->last = t.number;
  keep(s, &s->head, r);
  if (!s->refused) s->recipient(s, &t);
}

static void verdict(sink *s, parcel_record const *r)
{
  envelope_verdict v;
  if (envelope_judge(&v, r) < 0)
    sink_refuse(s, 451, "4.3.0 Bad verdict record");
  else if (v.kind != 'j' && !v.one)
    sink_refuse(s, v.code, v.text);
  else
    keep(s, &s->judged, r);
}

static void content(sink *s, parcel_record const *r)
{
  int took = compose_take(&s->message, r);
  if (took > 0) return;
  if (took == 0) {
    sink_refuse(s, 552, "5.3.4 Message header too big");
  } else if (errno == EPROTO) {
    sink_refuse(s, 451, "4.3.0 Bad header record");
  } else {
    log_warnsys("unable to spool %s", s->id);
    if (s->no_room)
      s->no_room(s, r);
    else
      sink_refuse(s, 452, "4.3.1 No space left");
  }
}

/* Who speaks SMTP hears of the parcel alone; LMTP and the queue of each
   recipient. */
static void client(sink *s, parcel_record const *r)
{
  char const *proto = parcel_fact(r, "proto");
  if (proto && strstr(proto, "SMTP")) s->one_answer = 1;
  if (parcel_fact(r, "queue")) s->one_answer = 0;
}

static void kept(sink *s, parcel_record const *r)
{
  switch (r->type) {
  case PARCEL_FROM: from(s, r); break;
  case PARCEL_CLIENT: client(s, r); /* fall through */
  case PARCEL_BEGIN: keep(s, &s->head, r); break;
  case PARCEL_TO: recipient(s, r); break;
  case PARCEL_VERDICT: verdict(s, r); break;
  case PARCEL_MESSAGE:
  case PARCEL_OMIT:
  case PARCEL_FIELD:
  case PARCEL_RESULT: content(s, r); break;
  default: keep(s, &s->judged, r);
  }
}

static int end(sink *s)
{
  int r;
  if (s->one_answer && s->judged.len) sink_judge_all(s);
  if (s->refused)
    r = sink_report(s, 'R', 0, s->code, s->text);
  else if (!s->recipients)
    r = sink_report(s, 'R', 0, 554, "5.5.1 No recipients");
  else
    r = s->end(s);
  compose_reset(&s->message);
  return r;
}

static int record(sink *s, parcel_record const *r)
{
  s->deadline = io_after(PARCEL_MS);
  if (r->type == PARCEL_BEGIN) begin(s, r);
  if (s->passing) return s->pass(s, r);
  if (r->type == PARCEL_END) return end(s);
  if (r->type == PARCEL_SETTLE) return sink_settle(s);
  if (!s->refused) kept(s, r);
  return 1;
}

static void fact(char *to, size_t size, char const *value)
{
  if (value && envelope_address(value)) snprintf(to, size, "%s", value);
}

int sink_facts_get(sink *s, sink_facts *f)
{
  envelope_walk w = {.s = s->head.s, .len = s->head.len};
  parcel_record r;
  int got;
  *f = (sink_facts){.repeated = 0};
  while ((got = envelope_next(&w, &r)) > 0 && r.type != PARCEL_TO) {
    char const *attempt = parcel_fact(&r, "attempt");
    fact(f->by, sizeof f->by, parcel_fact(&r, "by"));
    fact(f->queue, sizeof f->queue, parcel_fact(&r, "queue"));
    if (attempt && strchr(attempt, '?')) f->repeated = 1;
    if (attempt) ulong_scan(attempt, &f->attempt);
    if (r.type == PARCEL_FROM) fact(f->from, sizeof f->from, r.s);
  }
  envelope_end(&w);
  if (!*f->by) fact(f->by, sizeof f->by, conf_me());
  w = (envelope_walk){.s = s->judged.s, .len = s->judged.len};
  while (got >= 0 && (got = envelope_next(&w, &r)) > 0)
    if (r.type == PARCEL_VERDICT && *r.s == 'j') f->junk = 1;
  return got < 0 ? -1 : 1;
}

int sink_run(sink *s, int fd)
{
  parcel_in in;
  parcel_record r;
  char state = 0;
  int got, code;
  if (parcel_in_init(&in, fd) < 0) return 111;
  while ((got = parcel_next(&in, &r, &state)) > 0 && (got = record(s, &r)) >= 0)
    continue;
  code = got >= 0 ? 0 : errno == ETIMEDOUT ? 99 : 111;
  if (got < 0 && errno != EPIPE) log_warnsys("parcel %s broken off", s->id);
  parcel_in_free(&in);
  return code;
}

void sink_free(sink *s)
{
  compose_free(&s->message);
  stralloc_free(&s->head);
  stralloc_free(&s->judged);
}
