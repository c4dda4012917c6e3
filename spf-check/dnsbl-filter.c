#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "dnsbl-filter.h"
#include "dnsbl-health.h"
#include "ip.h"
#include "log.h"

typedef struct check {
  dnsbl_policy *policy;
  dnsbl_result result; /* of this parcel */
  filter_action done;  /* the verdict that stands */
} check;

filter_action dnsbl_action(dnsbl_policy const *p, long score)
{
  return score >= p->reject ? FILTER_REJECT
         : score >= p->junk ? FILTER_JUNK
                            : FILTER_IGNORE;
}

static void begin(filter *f)
{
  check *c = f->data;
  c->result.n = 0;
  c->result.score = 0;
  c->done = FILTER_IGNORE;
}

static char const *sender_domain(filter const *f)
{
  return f->from.len ? addr_domain(f->from.s) : "";
}

static void describe(char *to, size_t size, dnsbl_result const *r)
{
  char score[DNSBL_SCORE_TEXT];
  size_t n = 0;
  *to = 0;
  for (unsigned i = 0; i < r->n; i++) {
    dnsbl_row const *row = r->v + i;
    int w = 0;
    if (row->outcome == DNSBL_LISTED)
      w = snprintf(to + n, size - n, " %s:%s=%s:%s", row->list->shown,
                   dnsbl_kind(row->kind), row->ip,
                   dnsbl_score_show(score, row->score));
    else if (row->outcome == DNSBL_SILENCE)
      w = snprintf(to + n, size - n, " %s:%s=no-answer", row->list->shown,
                   dnsbl_kind(row->kind));
    if (w < 0 || (size_t)w >= size - n) {
      to[n] = 0;
      return;
    }
    n += (size_t)w;
  }
}

static int log_it(filter const *f, check const *c)
{
  static char const *const words[] = {"pass", "junk", "reject", "defer"};
  char lists[600], score[DNSBL_SCORE_TEXT];
  describe(lists, sizeof lists, &c->result);
  log_info("trace=%s ip=%s helo=%.64s from=<%.100s> dnsbl=%s score=%s%s",
           filter_fact(f, "id"), filter_fact(f, "ip"), filter_fact(f, "helo"),
           f->from.len ? f->from.s : "", words[c->done],
           dnsbl_score_show(score, c->result.score), lists);
  return 1;
}

/* RFC 8904 2 */
static int result(filter *f, dnsbl_row const *row)
{
  char s[1024], txt[2 * DNSBL_TEXT + 2] = "";
  if (*row->text) filter_property(txt, sizeof txt, row->text);
  snprintf(s, sizeof s, "dnswl=pass dns.zone=%s dns.sec=%s policy.ip=%s%s%s",
           row->list->shown, row->secure ? "yes" : "na", row->ip,
           *txt ? " policy.txt=" : "", txt);
  return filter_result(f, s);
}

static int results(filter *f, unsigned from)
{
  check *c = f->data;
  for (unsigned i = from; i < c->result.n; i++) {
    dnsbl_row const *row = c->result.v + i;
    if (row->outcome == DNSBL_LISTED && row->score < 0 && result(f, row) < 0)
      return -1;
  }
  return 1;
}

/* What weighs most is named. */
static dnsbl_row const *heaviest(dnsbl_result const *r)
{
  dnsbl_row const *best = r->v;
  for (unsigned i = 0; i < r->n; i++)
    if (r->v[i].outcome == DNSBL_LISTED && r->v[i].score > best->score)
      best = r->v + i;
  return best;
}

static int verdict(filter *f)
{
  check *c = f->data;
  filter_action a = dnsbl_action(c->policy, c->result.score);
  char text[1024], score[DNSBL_SCORE_TEXT];
  dnsbl_row const *row;
  char const *what;
  if (a == c->done || a == FILTER_IGNORE) return 1;
  c->done = a;
  if (!c->result.n) /* a threshold of nothing */
    return filter_verdict(f, a, FILTER_ALL, "7.1", "Not on any list");
  row = heaviest(&c->result);
  what = row->kind == DNSBL_HELO     ? filter_fact(f, "helo")
         : row->kind == DNSBL_SENDER ? sender_domain(f)
                                     : filter_fact(f, "ip");
  snprintf(text, sizeof text, "%.200s is listed by %s (score %s)%s%s", what,
           row->list->shown, dnsbl_score_show(score, c->result.score),
           *row->text ? ": " : "", row->text);
  return filter_verdict(f, a, FILTER_ALL, "7.1", text);
}

/* A failure of our own is no reason to keep mail back. */
static int look_up(filter *f, dnsbl_request *q)
{
  check *c = f->data;
  unsigned before = c->result.n;
  q->period = c->policy->period;
  if (dnsbl_ask(&c->policy->lists, q, &c->result) < 0)
    log_warnsys("unable to ask lists for %s", filter_fact(f, "id"));
  return results(f, before) < 0 ? -1 : verdict(f);
}

static int asked_for(filter const *f)
{
  return !f->trusted && ip_kind(filter_fact(f, "ip")) == IP_PUBLIC;
}

static int client(filter *f)
{
  check *c = f->data;
  dnsbl_request q = {filter_fact(f, "ip"), filter_fact(f, "helo"), "", 0};
  if (!c->policy->early || !asked_for(f)) return 1;
  if (look_up(f, &q) < 0) return -1;
  return f->refused ? log_it(f, c) : 1;
}

static int sender(filter *f)
{
  check *c = f->data;
  int early = c->policy->early;
  dnsbl_request q = {early ? "" : filter_fact(f, "ip"),
                     early ? "" : filter_fact(f, "helo"), sender_domain(f), 0};
  if (!asked_for(f)) return 1;
  if (look_up(f, &q) < 0) return -1;
  return log_it(f, c);
}

int dnsbl_filter_run(dnsbl_policy *p)
{
  static check c;
  filter f = {.data = &c, .begin = begin, .connect = client, .sender = sender};
  c.policy = p;
  return filter_run(&f);
}
