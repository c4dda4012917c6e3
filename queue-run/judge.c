#include <stdio.h>
#include <string.h>

#include "judge.h"
#include "log.h"

/* RFC 3461 4.1: whether the sender wants to hear of a failure */
static int wants_bounce(envelope_to const *to)
{
  return !*to->notify || strcasestr(to->notify, "FAILURE");
}

/* And of a success: RFC 3461 5.2.2, 5.2.3. Behind a host that knows of DSN it
   is that host's to tell. */
static int wants_notice(judge const *g, envelope_to const *to,
                        queue_record const *x)
{
  return !g->quiet && strcasestr(to->notify, "SUCCESS") &&
         (to->route == ENVELOPE_LOCAL || queue_relayed(x->reply));
}

/* RFC 3461 4.1 leaves it to us where no NOTIFY was given: then the sender is
   told, as by most others. Once: the record says so. */
static void note_delay(judge const *g, envelope_to const *to, queue_record *x)
{
  if (x->delay || g->quiet || (*to->notify && !strcasestr(to->notify, "DELAY")))
    return;
  if (schedule_warns(&g->c->when, g->arrival, g->now))
    x->delay = QUEUE_DELAY_DUE;
}

static void give_up(judge const *g, envelope_to const *to, queue_record *x)
{
  x->status = wants_bounce(to) ? QUEUE_FAILED : QUEUE_TOLD;
  x->next = g->now;
}

static void deferred(judge const *g, envelope_to const *to, queue_record *x,
                     int silent)
{
  if (silent && x->status != QUEUE_UNSURE) { /* once without costs */
    x->status = QUEUE_UNSURE;
    x->next = g->now + g->c->soon;
    return;
  }
  x->status = silent ? QUEUE_UNSURE : QUEUE_WAITING;
  x->attempts++;
  x->next = schedule_next(&g->c->when, g->arrival, x->attempts, g->now);
  if (x->next)
    note_delay(g, to, x);
  else
    give_up(g, to, x);
}

static void log_recipient(judge const *g, envelope_to const *to,
                          queue_record const *x)
{
  char const *what = x->status == QUEUE_DONE || x->status == QUEUE_GOOD
                         ? "delivered"
                     : queue_waits(x->status) ? "deferred"
                                              : "failed";
  log_info("%s to=<%s> %s after %llds, attempt %u: %s", g->id, to->address,
           what, g->now - g->arrival, x->attempts, x->reply);
}

void judge_answer(judge const *g, envelope_to const *to, queue_record *x,
                  int code)
{
  if (code < 0) snprintf(x->reply, sizeof x->reply, "451 4.3.0 No answer");
  if (code < 0 || code / 100 == 4 || code / 100 == 3) {
    deferred(g, to, x, code < 0);
  } else {
    x->attempts++;
    x->next = g->now;
    if (code / 100 != 2)
      give_up(g, to, x);
    else
      x->status = wants_notice(g, to, x) ? QUEUE_GOOD : QUEUE_DONE;
  }
  log_recipient(g, to, x);
}

void judge_down(judge const *g, envelope_to const *to, queue_record *x)
{
  if (g->now < g->arrival + g->c->when.expiry) {
    x->next = g->now + g->c->rest;
    note_delay(g, to, x);
    return;
  }
  give_up(g, to, x);
  log_recipient(g, to, x);
}

int judge_says_down(char const *reply)
{
  return !strncmp(reply, "421 ", 4) ||
         (*reply == '4' && strlen(reply) > 8 &&
          !strncmp(reply + 4, "4.4.", 4) && !strstr(reply, " said: "));
}

int judge_quiet(queue_file const *q)
{
  envelope_walk w = queue_file_walk(q);
  parcel_record r;
  int quiet = 0;
  while (envelope_next(&w, &r) > 0 && r.type != PARCEL_TO)
    if ((r.type == PARCEL_FROM && !*r.s) || r.type == PARCEL_VERDICT) quiet = 1;
  envelope_end(&w);
  return quiet;
}
