#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "rspamd-filter.h"

/* Beyond these the request would be longer than the message. */
#define RCPT_MAX 1000

static void begin(filter *f)
{
  rspamd_filter *r = f->data;
  view_reset(&r->v);
  r->rcpt.len = 0;
  r->last = -1;
  r->many = 0;
  *r->final = 0;
}

/* The targets of an alias share a number: rspamd hears of the address that
   RCPT had. */
static int recipient(filter *f, parcel_record const *t)
{
  rspamd_filter *r = f->data;
  char const *to = parcel_part(t, 1), *rcpt = parcel_param(t, 2, "rcpt");
  long number = strtol(t->s, 0, 10);
  if (!to) return 1;
  snprintf(r->final, sizeof r->final, "%s", r->many ? "" : to);
  if (number == r->last && r->many) return *r->final = 0, 1;
  r->last = number;
  return r->many++ < RCPT_MAX ? http_field(&r->rcpt, "Rcpt", rcpt ? rcpt : to)
                              : 1;
}

static int record(filter *f, parcel_record const *rec)
{
  rspamd_filter *r = f->data;
  if (!(f->trusted && r->strangers)) view_take(&r->v, rec, r->max);
  return 1;
}

static int request(filter *f, stralloc *to)
{
  static char const *const names[][2] = {
      {"Queue-Id", "id"},     {"Log-Tag", "id"},       {"User", "user"},
      {"IP", "ip"},           {"Helo", "helo"},        {"Hostname", "rdns"},
      {"TLS-Version", "tls"}, {"TLS-Cipher", "cipher"}};
  rspamd_filter *r = f->data;
  to->len = 0;
  if (http_field(to, "From", *f->from.s ? f->from.s : "<>") < 0) return -1;
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
    char const *value = filter_fact(f, names[i][1]);
    if (*value && http_field(to, names[i][0], value) < 0) return -1;
  }
  if (r->many == 1 && *r->final && http_field(to, "Deliver-To", r->final) < 0)
    return -1;
  return stralloc_cat(to, &r->rcpt) ? 1 : -1;
}

/* What marks the message: RFC-less, but what everybody's Sieve looks for. */
static int mark(rspamd_filter *r, rspamd_answer const *a, filter_action act)
{
  char score[64];
  int n = snprintf(score, sizeof score, "%.2f / %.2f", a->score, a->required);
  view_remove(&r->v, "X-Spam-Flag", 0);
  view_remove(&r->v, "X-Spam-Score", 0);
  if (view_add(&r->v, "X-Spam-Score", score, (size_t)n, VIEW_END) < 0)
    return -1;
  return act == FILTER_JUNK ? view_add(&r->v, "X-Spam-Flag", "Yes", 3, VIEW_END)
                            : 1;
}

static int change(filter *f, rspamd_answer const *a)
{
  rspamd_filter *r = f->data;
  char const *s = a->subject;
  if (a->word >= RSPAMD_UNREACHABLE) return 1;
  if (rspamd_answer_apply(a, &r->v) < 0) return -1;
  if (a->word == RSPAMD_REWRITE_SUBJECT && *s) {
    view_remove(&r->v, "Subject", 0);
    if (view_add(&r->v, "Subject", s, strlen(s), VIEW_END) < 0) return -1;
  }
  if (r->mark && mark(r, a, r->action[a->word]) < 0) return -1;
  return view_flush(&r->v, f);
}

static char const *text(rspamd_answer const *a)
{
  if (a->word >= RSPAMD_UNREACHABLE) return "Content could not be checked";
  if (*a->text) return a->text;
  return a->word == RSPAMD_REJECT ? "Message refused for its content"
                                  : "Suspicious content";
}

static int act(filter *f, rspamd_answer const *a)
{
  rspamd_filter *r = f->data;
  filter_action action = r->action[a->word];
  if (a->word >= RSPAMD_UNREACHABLE)
    log_warn("trace=%s rspamd=%s: %s", filter_fact(f, "id"),
             rspamd_words[a->word], a->text);
  else
    log_info("trace=%s ip=%s from=<%s> rspamd=%s score=%.2f/%.2f %s",
             filter_fact(f, "id"), filter_fact(f, "ip"), f->from.s,
             rspamd_words[a->word], a->score, a->required, a->text);
  if (action < FILTER_REJECT && change(f, a) < 0) return -1;
  return filter_verdict(f, action, FILTER_ALL, "7.1", text(a));
}

static int end(filter *f)
{
  static stralloc head = STRALLOC_ZERO;
  rspamd_filter *r = f->data;
  rspamd_answer a;
  int good;
  if (f->trusted && r->strangers) return 1;
  if (!r->v.whole && r->max && r->v.size > r->max) {
    log_info("trace=%s %llu bytes: too big for rspamd", filter_fact(f, "id"),
             (unsigned long long)r->v.size);
    return 1;
  }
  if (!r->v.whole || view_show(&r->v, filter_by(f)) < 0 ||
      request(f, &head) < 0) {
    a = (rspamd_answer){.word = RSPAMD_UNREACHABLE,
                        .text = "unable to keep the message"};
    return act(f, &a);
  }
  rspamd_ask(&r->r, &head, &r->v, &a);
  good = act(f, &a);
  rspamd_answer_free(&a);
  view_reset(&r->v);
  return good;
}

int rspamd_filter_run(rspamd_filter *r)
{
  filter f = {.data = r,
              .begin = begin,
              .recipient = recipient,
              .record = record,
              .end = end};
  r->v.c.message.dir = r->spool;
  return filter_run(&f);
}
