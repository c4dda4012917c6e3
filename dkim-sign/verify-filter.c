#include <stdio.h>

#include "log.h"
#include "verify-filter.h"

typedef struct owner {
  verifier *verifier;
  filter_action const *action;
} owner;

static void begin(filter *f)
{
  owner *o = f->data;
  verifier_begin(o->verifier);
}

/* The message as it came in: what H and E change of it was never signed, or
   was, before it was changed. */
static int record(filter *f, parcel_record const *r)
{
  owner *o = f->data;
  if (r->type == PARCEL_MESSAGE && !f->trusted)
    verifier_message(o->verifier, r->s, r->len);
  return 1;
}

/* RFC 7372 3.1: X.7.22 where none that passes is the author's, X.7.21 where
   one is not acceptable, else X.7.20 */
static int verdict(filter *f, filter_action a, dkim_result r, int foreign)
{
  char text[64];
  if (r == DKIM_PASS)
    return filter_verdict(f, a, FILTER_ALL, "7.1", "Signed mail is not wanted");
  if (foreign)
    return filter_verdict(f, a, FILTER_ALL, "7.22",
                          "No valid DKIM signature of the author's domain");
  snprintf(text, sizeof text, "No %s DKIM signature (%s)",
           r == DKIM_POLICY ? "acceptable" : "valid", dkim_words[r]);
  return filter_verdict(f, a, FILTER_ALL, r == DKIM_POLICY ? "7.21" : "7.20",
                        text);
}

static int end(filter *f)
{
  owner *o = f->data;
  char line[VERIFIER_LINE];
  dkim_result r;
  int foreign;
  if (f->trusted) return 1;
  r = verifier_end(o->verifier, &foreign);
  for (unsigned i = 0; i < verifier_lines(o->verifier); i++) {
    verifier_line(line, o->verifier, i);
    log_info("trace=%s ip=%s %s", filter_fact(f, "id"), filter_fact(f, "ip"),
             line);
    if (filter_result(f, line) < 0) return -1;
  }
  return verdict(f, o->action[r], r, foreign);
}

int verify_filter_run(verifier *v, filter_action const *action)
{
  owner o = {v, action};
  filter f = {.data = &o, .begin = begin, .record = record, .end = end};
  return filter_run(&f);
}
