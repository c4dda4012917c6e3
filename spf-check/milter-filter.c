#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "milter-filter.h"

static void begin(filter *f)
{
  milter_filter *m = f->data;
  milter_close(&m->m); /* of a parcel that somebody else has refused */
  view_reset(&m->v);
  m->done = 0;
  m->last = -1;
  m->asked = m->taken = 0;
}

static void finish(milter_filter *m)
{
  m->done = 1;
  milter_close(&m->m);
}

static int verdict(filter *f, int word, long number, char const *text)
{
  milter_filter *m = f->data;
  return filter_verdict(f, m->action[word], number, "7.1", text);
}

static int failed(filter *f)
{
  milter_filter *m = f->data;
  log_warn("trace=%s milter=%s: %s", filter_fact(f, "id"),
           milter_words[m->m.error], m->m.why);
  finish(m);
  return verdict(f, m->m.error, FILTER_ALL, "Content could not be checked");
}

/* Its own words, unless something else is to be done than it says. */
static int reply(filter *f, long number)
{
  milter_filter *m = f->data;
  int word = m->m.reply_action == FILTER_REJECT ? MILTER_ON_REJECT
                                                : MILTER_ON_TEMPFAIL;
  if (m->action[word] == m->m.reply_action)
    return filter_reply(f, m->m.reply_action, number, m->m.reply);
  return verdict(f, word, number, strchr(m->m.reply + 4, ' ') + 1);
}

/* What a step means for the parcel, or for the recipient of that number. */
static int act(filter *f, milter_answer a, char const *step, long number)
{
  milter_filter *m = f->data;
  static char const *const words[] = {"continue", "accept",   "skip",
                                      "reject",   "tempfail", "discard"};
  if (a == MILTER_CONTINUE || a == MILTER_SKIP) return 1;
  if (a == MILTER_FAILED) return failed(f);
  log_info("trace=%s ip=%s from=<%s> milter=%s at=%s", filter_fact(f, "id"),
           filter_fact(f, "ip"), f->from.len ? f->from.s : "",
           a == MILTER_REPLY ? m->m.reply : words[a], step);
  if (number < 0 || a == MILTER_ACCEPT || a == MILTER_DISCARD) finish(m);
  switch (a) {
  case MILTER_REPLY: return reply(f, number);
  case MILTER_REJECT:
    return verdict(f, MILTER_ON_REJECT, number, "Refused by a mail filter");
  case MILTER_TEMPFAIL:
    return verdict(f, MILTER_ON_TEMPFAIL, number, "Try again later");
  case MILTER_DISCARD:
    return verdict(f, MILTER_ON_DISCARD, FILTER_ALL,
                   "Discarded by a mail filter");
  default: return 1;
  }
}

static int connect_(filter *f)
{
  milter_filter *m = f->data;
  milter_answer a;
  if (m->strangers && f->trusted) return m->done = 1;
  a = milter_open(&m->m);
  if (a == MILTER_CONTINUE) a = milter_connect(&m->m, f);
  if (a != MILTER_CONTINUE) return act(f, a, "connect", FILTER_ALL);
  return act(f, milter_helo(&m->m, f), "helo", FILTER_ALL);
}

static int sender(filter *f)
{
  milter_filter *m = f->data;
  return m->done ? 1 : act(f, milter_mail(&m->m, f), "mail", FILTER_ALL);
}

/* The targets of an alias share a number: the milter hears of the address that
   RCPT had, once. */
static int recipient(filter *f, parcel_record const *t)
{
  milter_filter *m = f->data;
  long number = strtol(t->s, 0, 10);
  milter_answer a;
  if (m->done || (m->asked && number == m->last)) return 1;
  m->last = number;
  m->asked++;
  a = milter_rcpt(&m->m, f, t);
  if (a < MILTER_REJECT) m->taken++;
  return act(f, a, "rcpt", number);
}

static int record(filter *f, parcel_record const *r)
{
  milter_filter *m = f->data;
  if (parcel_refused(r)) finish(m);
  if (m->done) return 1;
  if (r->type == PARCEL_MESSAGE && !m->taken) return finish(m), 1;
  view_take(&m->v, r, 0);
  return 1;
}

static int changed(filter *f)
{
  milter_filter *m = f->data;
  if (m->m.unkept) {
    int r = verdict(f, MILTER_ON_CHANGE, FILTER_ALL,
                    "A mail filter wants a change that cannot be made");
    if (r < 0 || f->refused) return r;
  }
  if (*m->m.quarantine) {
    int r;
    log_info("trace=%s milter=quarantine: %s", filter_fact(f, "id"),
             m->m.quarantine);
    r = verdict(f, MILTER_ON_QUARANTINE, FILTER_ALL, m->m.quarantine);
    if (r < 0 || f->refused) return r;
  }
  return view_flush(&m->v, f);
}

static int end(filter *f)
{
  milter_filter *m = f->data;
  milter_answer a;
  if (m->done) return 1;
  if (!m->v.whole || view_show(&m->v, filter_by(f)) < 0) {
    m->m.error = MILTER_ON_UNREACHABLE;
    strcpy(m->m.why, "unable to keep the message");
    return failed(f);
  }
  a = milter_data(&m->m, f);
  if (a == MILTER_CONTINUE) a = milter_message(&m->m, f, &m->v);
  if (a > MILTER_SKIP) return act(f, a, "message", FILTER_ALL);
  finish(m);
  return changed(f);
}

int milter_filter_run(milter_filter *m)
{
  filter f = {.data = m,
              .begin = begin,
              .connect = connect_,
              .sender = sender,
              .recipient = recipient,
              .record = record,
              .end = end};
  int code;
  m->v.c.message.dir = m->spool;
  code = filter_run(&f);
  milter_close(&m->m);
  return code;
}
