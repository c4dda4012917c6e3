#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "delivered.h"
#include "intake-route.h"
#include "intake.h"
#include "log.h"
#include "queue-file.h"
#include "sink.h"

static void begin(sink *s)
{
  intake *x = s->data;
  s->message.message.dir = x->path;
}

static void recipient(sink *s, envelope_to const *to)
{
  (void)s;
  (void)to;
}

/* I P F and the junk verdict, which every delivery repeats. */
static int common(sink *s, stralloc *out)
{
  envelope_walk w = {.s = s->head.s, .len = s->head.len};
  parcel_record r;
  int good = 1;
  while (good > 0 && envelope_next(&w, &r) > 0)
    if (r.type != PARCEL_TO) good = envelope_add(out, &r);
  envelope_end(&w);
  w = (envelope_walk){.s = s->judged.s, .len = s->judged.len};
  while (good > 0 && envelope_next(&w, &r) > 0)
    if (r.type == PARCEL_VERDICT && *r.s == 'j') good = envelope_add(out, &r);
  envelope_end(&w);
  return good;
}

/* T lines for RCPTs that were refused though others are not; reports may go
   out only when the message is safe, so they are gathered. */
typedef struct refusals {
  stralloc lines;
  unsigned long number;
  int open, good; /* of the RCPT whose T are being read */
  int code;
  char text[PARCEL_REPLY];
  int first; /* the first refusal's code */
  char why[PARCEL_REPLY];
} refusals;

static int refusals_end(refusals *x)
{
  char line[PARCEL_REPORT_LINE];
  if (!x->open || x->good) return 1;
  snprintf(line, sizeof line, "T %lu %d %s\n", x->number, x->code, x->text);
  return stralloc_cats(&x->lines, line) ? 1 : -1;
}

static int refusals_note(refusals *x, unsigned long number, int code,
                         char const *text)
{
  if (!x->open || x->number != number) {
    if (refusals_end(x) < 0) return -1;
    x->open = 1;
    x->good = 0;
    x->number = number;
  }
  if (code < 400) {
    x->good = 1;
    return 1;
  }
  x->code = code;
  parcel_clean(x->text, sizeof x->text, text, strlen(text));
  if (x->first) return 1;
  x->first = code;
  memcpy(x->why, x->text, sizeof x->why);
  return 1;
}

/* Which RCPT each T came from: those of one stand together. */
typedef struct numbers {
  unsigned long v[PARCEL_RECIPIENTS];
  unsigned n;
} numbers;

static void numbers_read(sink *s, numbers *x)
{
  envelope_walk w = {.s = s->head.s, .len = s->head.len};
  parcel_record r;
  envelope_to t;
  x->n = 0;
  while (x->n < PARCEL_RECIPIENTS && envelope_next(&w, &r) > 0)
    if (r.type == PARCEL_TO && envelope_recipient(&t, &r) > 0)
      x->v[x->n++] = t.number;
  envelope_end(&w);
}

/* The ith T is asked for: whether its RCPT has others, and is not yet begun */
static void of_one_rcpt(numbers const *x, unsigned i, intake_to *to)
{
  int before = i && x->v[i - 1] == x->v[i];
  int after = i + 1 < x->n && x->v[i + 1] == x->v[i];
  to->several = before || after;
  if (!before) to->expanded = 0;
}

/* All T. 1; 0: refused with *to's answer; -1 out of memory. */
static int recipients(sink *s, intake_to *to, refusals *no)
{
  static numbers all;
  unsigned i = 0;
  envelope_walk w = {.s = s->head.s, .len = s->head.len};
  parcel_record r;
  envelope_to t;
  int good = 1;
  numbers_read(s, &all);
  while (good > 0 && envelope_next(&w, &r) > 0) {
    char text[PARCEL_REPLY];
    int code;
    if (r.type != PARCEL_TO || envelope_recipient(&t, &r) < 0) continue;
    of_one_rcpt(&all, i++, to);
    if (sink_judged(s, t.number, &code, text)) {
      good = refusals_note(no, t.number, code, text);
      continue;
    }
    good = intake_route(s->data, to, &t);
    if (good > 0) good = refusals_note(no, t.number, to->code, to->text);
  }
  envelope_end(&w);
  return good > 0 ? refusals_end(no) : good;
}

static int commit(sink *s, intake_to const *to, refusals const *no,
                  sink_facts const *f)
{
  intake *x = s->data;
  char id[QUEUE_ID + 1], text[PARCEL_REPLY];
  int r = queue_file_new(x->queue, x->class, to->out, to->accepted, &s->message,
                         f->by, id);
  if (r <= 0) {
    int full = r == 0 && (errno == ENOSPC || errno == EDQUOT);
    log_warnsys("unable to queue %s", s->id);
    return sink_report(s, 'R', 0, full ? 452 : 451,
                       full ? "4.3.1 No space left" : "4.3.0 Queue trouble");
  }
  queue_ring(x->queue, id, "");
  log_info("%s queued as %s: %s from=<%s> recipients=%u", s->id, id, x->class,
           f->from, to->accepted);
  snprintf(text, sizeof text, "2.0.0 Accepted queue id=%s", id);
  if (no->lines.len &&
      io_write(s->out, no->lines.s, no->lines.len, io_after(PARCEL_MS)) < 0)
    return -1;
  return sink_report(s, 'R', 0, 250, text);
}

static int decide(sink *s, intake_to *to, refusals *no)
{
  sink_facts f;
  int r = sink_facts_get(s, &f);
  if (r > 0) r = common(s, to->out);
  if (r > 0) r = delivered_read(&to->delivered, &s->message);
  to->junk = f.junk;
  to->null = !*f.from;
  to->sender = f.from;
  if (r > 0) r = recipients(s, to, no);
  if (r < 0) return sink_report(s, 'R', 0, 451, "4.3.0 Out of memory");
  if (r == 0) return sink_report(s, 'R', 0, to->code, to->text);
  /* who has one answer for all reads no T line, and would lose that one */
  if (!to->accepted || (s->one_answer && no->lines.len))
    return sink_report(s, 'R', 0, no->first, no->why);
  if (!to->fresh) return sink_report(s, 'R', 0, 554, "5.4.6 Mail loop");
  if (to->accepted > PARCEL_RECIPIENTS)
    return sink_report(s, 'R', 0, 552, "5.5.3 Too many recipients");
  return commit(s, to, no, &f);
}

static int end(sink *s)
{
  stralloc envelope = STRALLOC_ZERO;
  intake_to to = {.out = &envelope, .delivered = STRALLOC_ZERO};
  refusals no = {.lines = STRALLOC_ZERO};
  int r = decide(s, &to, &no);
  stralloc_free(&envelope);
  stralloc_free(&to.delivered);
  stralloc_free(&no.lines);
  return r;
}

int intake_run(intake *x, int in, int out)
{
  sink s = {.out = out,
            .message = COMPOSE_ZERO,
            .data = x,
            .begin = begin,
            .recipient = recipient,
            .end = end};
  int code = sink_run(&s, in);
  sink_free(&s);
  return code;
}
