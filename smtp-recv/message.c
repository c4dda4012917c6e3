#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <skalibs/env.h>

#include "conf.h"
#include "date.h"
#include "log.h"
#include "message.h"
#include "opening.h"
#include "trace.h"

static char const way_failed[] = "451 4.3.0 Mail cannot be taken now";

static io_time soon(void)
{
  return io_after(PARCEL_MS);
}

static void fail(session *s, char const *why)
{
  if (!s->refusal) s->refusal = why;
  opening_end(s, why);
}

static void put(session *s, char type, void const *bytes, size_t n)
{
  if (s->refusal) return;
  if (way_put(&s->way, type, bytes, n, soon()) <= 0) fail(s, way_failed);
}

static void describe(session *s, trace *t)
{
  char const *rdns = ucspi_get("REMOTEHOST");
  *t = (trace){.hidden = s->o->mode->completes && !s->o->show_client,
               .helo = s->helo,
               .rdns = rdns ? rdns : "",
               .ip = s->peer->ip,
               .me = s->o->me,
               .id = s->parcel,
               .rcpt = s->accepted == 1 ? s->only.s : 0,
               .tls = s->tls ? s->tls_info.version : "",
               .cipher = s->tls_info.cipher,
               .time = time(0)};
  trace_proto(t, s->o->mode->lmtp, s->extended, s->tls, *s->user != 0, s->utf8);
}

void message_begin(session *s, int raw)
{
  char received[TRACE_MAX];
  trace t;
  s->refusal = 0;
  s->total = 0;
  s->dots = (dots){.raw = raw};
  watch_start(&s->watch, s->o->me);
  submission_start(&s->submission);
  if (opening_put(s, OPENING_TO) < 0) fail(s, way_failed);
  describe(s, &t);
  put(s, PARCEL_FIELD, received, trace_received(received, &t));
}

static char const *objection(session const *s)
{
  if (s->dots.bare) return "550 5.6.0 A CR or LF stands alone in the message";
  if (s->total > s->o->size) return "552 5.3.4 Message too big";
  if (s->watch.received > s->o->received) return "554 5.4.6 Mail loop";
  if (s->watch.header > s->o->header) return "552 5.3.4 Header too big";
  if (s->o->line && s->watch.longest > s->o->line)
    return "550 5.6.0 A line of the message is too long";
  if (s->watch.folded) return "550 5.6.0 The message begins inside a field";
  if (s->watch.overflow)
    return "550 5.6.0 Too many forged Authentication-Results fields";
  return 0;
}

/* The header goes by; at its end, what a submission's lacks: 0, or why not. */
static char const *look(session *s, char const *bytes, size_t n)
{
  uint64_t before = s->watch.header;
  int ended = s->watch.ended;
  char const *why;
  watch_feed(&s->watch, bytes, n);
  why = objection(s);
  if (why || ended || !s->o->mode->completes) return why;
  if (submission_take(&s->submission, bytes, s->watch.header - before) < 0)
    return "451 4.3.0 Out of memory";
  return s->watch.ended ? submission_check(&s->submission, s->o->lenient) : 0;
}

void message_take(session *s, char const *bytes, size_t n)
{
  char const *why;
  s->total += n;
  if (s->refusal) return;
  why = look(s, bytes, n);
  if (why)
    fail(s, why);
  else if (n && way_message(&s->way, bytes, n, soon()) <= 0)
    fail(s, way_failed);
}

static void omit(session *s, char const *name, unsigned nth)
{
  char record[64];
  int n = snprintf(record, sizeof record, "%s%c%u", name, 0, nth);
  put(s, PARCEL_OMIT, record, (size_t)n);
}

static void omit_all(session *s)
{
  submission const *b = &s->submission;
  for (unsigned i = 0; i < s->watch.nforged; i++)
    omit(s, "Authentication-Results", s->watch.forged[i]);
  for (unsigned i = 1; i <= b->bcc; i++) omit(s, "Bcc", i);
  for (unsigned i = 1; i <= b->resent_bcc; i++) omit(s, "Resent-Bcc", i);
}

static void complete(session *s)
{
  char field[400], date[DATE_MAX];
  if (!s->o->mode->completes) return;
  if (!s->watch.has_id) {
    int n = snprintf(field, sizeof field, "Message-ID: <%s@%.300s>\r\n",
                     s->parcel, s->o->me);
    put(s, PARCEL_FIELD, field, (size_t)n);
  }
  if (!s->watch.has_date) {
    date[date_mail(date, time(0))] = 0;
    put(s, PARCEL_FIELD, field,
        (size_t)snprintf(field, sizeof field, "Date: %s\r\n", date));
  }
}

typedef struct results {
  unsigned n;
  parcel_report *v; /* one for each recipient; code 0: none of its own */
} results;

/* Targets of one recipient share its number: the worst counts. */
static void one_result(parcel_report const *r, void *data)
{
  results *all = data;
  if (r->number >= all->n) return;
  if (r->code > all->v[r->number].code) all->v[r->number] = *r;
}

static void reply_report(session *s, parcel_report const *r)
{
  if (r->code >= 300 && r->code < 400)
    say(s, "%s", way_failed);
  else
    say(s, "%d %s", r->code, r->text);
}

static void log_result(session *s, char const *text)
{
  log_info("%s: from=<%.*s> recipients=%u size=%llu ip=%s user=%s: %s",
           s->parcel, (int)strnlen(s->from.s, s->from.len), s->from.s,
           s->accepted, (unsigned long long)s->total, s->peer->ip, s->user,
           text);
}

static void reply_all(session *s, parcel_report const *final,
                      results const *all)
{
  char line[PARCEL_REPLY + 8];
  unsigned long last = 0;
  snprintf(line, sizeof line, "%d %s", final->code, final->text);
  log_result(s, line);
  s->idle_commands = 0;
  if (!s->o->mode->lmtp) {
    reply_report(s, final);
    return;
  }
  for (size_t i = 0, n; i < s->to.len; i += n) {
    unsigned long number = strtoul(s->to.s + i + 2, 0, 10);
    n = 2 + ((size_t)(unsigned char)s->to.s[i] << 8 |
             (unsigned char)s->to.s[i + 1]);
    if (i && number == last) continue;
    last = number;
    reply_report(s, all->v[number].code ? &all->v[number] : final);
  }
}

void message_refuse(session *s)
{
  unsigned n = s->o->mode->lmtp ? s->accepted : 1;
  log_result(s, s->refusal);
  s->errors++;
  while (n--) say(s, "%s", s->refusal);
  s->chunks = 0;
  transaction_reset(s);
}

/* A message of a header alone. */
static void finish_header(session *s)
{
  char const *why = 0;
  watch_end(&s->watch);
  if (s->refusal || !s->o->mode->completes) return;
  why = submission_check(&s->submission, s->o->lenient);
  if (why) fail(s, why);
}

void message_end(session *s)
{
  results all = {.n = s->o->mode->lmtp ? s->numbers : 0};
  parcel_report final;
  int r;
  if (!s->watch.ended) finish_header(s);
  message_take(s, "", 0); /* the last bytes may have been one too many */
  omit_all(s);
  complete(s);
  if (all.n) all.v = calloc(all.n, sizeof *all.v);
  if (all.n && !all.v) fail(s, "451 4.3.0 Out of memory");
  if (!s->refusal) {
    r = way_finish(&s->way, s->parcel, &final, all.n ? one_result : 0, &all,
                   soon());
    s->opening = OPENING_NONE;
    if (r < 0) fail(s, way_failed);
  }
  if (s->refusal) {
    message_refuse(s);
  } else {
    reply_all(s, &final, &all);
    s->chunks = 0;
    transaction_reset(s);
  }
  free(all.v);
}
