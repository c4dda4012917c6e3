#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "parcel.h"
#include "outcome.h"

void outcome_set(outcome *o, int code, char const *fmt, ...)
{
  char line[OUTCOME_TEXT];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(line, sizeof line, fmt, ap);
  va_end(ap);
  o->code = code;
  parcel_clean(o->text, sizeof o->text, line, strlen(line));
}

void outcome_reply(outcome *o, char const *host, reply const *r)
{
  char text[OUTCOME_TEXT], enhanced[8];
  size_t n = strlen(r->text);
  if (r->code / 100 == 3) {
    outcome_set(o, 451, "4.5.0 %s: bad reply", host);
    return;
  }
  if (n > sizeof text - 1) n = sizeof text - 1;
  for (size_t i = 0; i < n; i++)
    text[i] = r->text[i] == '\n' ? ' ' : r->text[i];
  text[n] = 0;
  snprintf(enhanced, sizeof enhanced, "%d.0.0", r->code / 100 % 10);
  outcome_set(o, r->code, "%s %s said: %s",
              *r->enhanced ? r->enhanced : enhanced, host, text);
}

void outcome_error(outcome *o, char const *host, char const *what, int err)
{
  if (err == EPROTO)
    outcome_set(o, 451, "4.5.0 %s: no SMTP reply to %s", host, what);
  else if (err == ETIMEDOUT)
    outcome_set(o, 451, "4.4.2 %s: timed out in %s", host, what);
  else
    outcome_set(o, 451, "4.4.2 %s: connection lost in %s: %s", host, what,
                err && err != EPIPE ? strerror(err) : "closed by the peer");
}

void outcome_merge(outcome *all, outcome const *one)
{
  if (!all->code || all->code >= 500 || one->code < 500) *all = *one;
}

void outcome_relayed(outcome *to, outcome const *o)
{
  size_t n = strcspn(o->text, " ");
  char text[OUTCOME_TEXT];
  snprintf(text, sizeof text, "%s", o->text + n);
  outcome_set(to, o->code, "2.1.9%.*s", OUTCOME_TEXT - 6, text);
}
