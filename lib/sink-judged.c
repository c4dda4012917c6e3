/* Verdicts on single recipients. */
#include <stdio.h>

#include "sink.h"

size_t sink_verdict(char *to, unsigned long number, int code, char const *text)
{
  return (size_t)snprintf(to, PARCEL_REPLY + 64, "%s%c%d %.*s%c%lu",
                          code / 100 == 5 ? "reject" : "defer", 0, code,
                          PARCEL_REPLY - 8, text, 0, number);
}

void sink_judge(sink *s, unsigned long number, int code, char const *text)
{
  char body[PARCEL_REPLY + 64];
  parcel_record const r = {PARCEL_VERDICT, body,
                           sink_verdict(body, number, code, text)};
  if (envelope_add(&s->judged, &r) < 0)
    sink_refuse(s, 451, "4.3.0 Out of memory");
}

int sink_judged(sink *s, unsigned long number, int *code, char *text)
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

/* Forgets the last recipient, with all T of its number. */
static void forget_last(sink *s)
{
  envelope_walk w = {.s = s->head.s, .len = s->head.len};
  parcel_record r;
  size_t before = 0, cut = s->head.len;
  while (envelope_next(&w, &r) > 0) {
    envelope_to t;
    if (r.type == PARCEL_TO && envelope_recipient(&t, &r) > 0 &&
        t.number == s->last) {
      if (cut == s->head.len) cut = before;
      s->recipients--;
    }
    before = w.pos;
  }
  envelope_end(&w);
  s->head.len = cut;
}

/* Behind a recipient, what has been said of that one counts, too: whoever asks
   tells the client. */
int sink_settle(sink *s)
{
  int code;
  char text[PARCEL_REPLY];
  if (!s->refused && s->recipients && s->asked) s->asked(s);
  if (s->refused) return sink_report(s, 'Q', 0, s->code, s->text);
  if (!s->recipients || !sink_judged(s, s->last, &code, text))
    return sink_report(s, 'Q', 0, 250, "2.0.0 Go on");
  forget_last(s);
  return sink_report(s, 'Q', 0, code, text);
}

void sink_judge_all(sink *s)
{
  envelope_walk w = {.s = s->head.s, .len = s->head.len};
  parcel_record r;
  int code;
  char text[PARCEL_REPLY];
  while (!s->refused && envelope_next(&w, &r) > 0) {
    envelope_to t;
    if (r.type == PARCEL_TO && envelope_recipient(&t, &r) > 0 &&
        sink_judged(s, t.number, &code, text))
      sink_refuse(s, code, text);
  }
  envelope_end(&w);
}
