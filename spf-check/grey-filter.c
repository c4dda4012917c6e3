#include <stdio.h>
#include <string.h>
#include <time.h>

#include <skalibs/types.h>
#include <skalibs/uint64.h>

#include "envelope.h"
#include "filter.h"
#include "grey-filter.h"
#include "ip.h"
#include "log.h"

#define LOGGED 20 /* recipients of one parcel */

typedef struct check {
  grey_keeper keeper;
  char network[IP_NETWORK]; /* "": not to be asked about */
  int64_t now;
  long number; /* of the last recipient, -1: none */
  unsigned waiting, passing;
  int32_t seconds; /* the longest of them */
} check;

static void begin(filter *f)
{
  check *c = f->data;
  c->number = -1;
  c->waiting = c->passing = 0;
  c->seconds = 0;
  *c->network = 0;
}

/* The parcel's own time: a pipeline may lag behind. */
static int64_t now(filter const *f)
{
  char const *s = filter_fact(f, "time");
  uint64_t t;
  size_t n = *s ? uint64_scan(s, &t) : 0;
  return n && !s[n] && t <= INT64_MAX / 2 ? (int64_t)t : (int64_t)time(0);
}

static int client(filter *f)
{
  check *c = f->data;
  char const *ip = filter_fact(f, "ip");
  if (!f->trusted && ip_kind(ip) == IP_PUBLIC)
    ip_network(c->network, ip, 24, 64);
  c->now = now(f);
  return 1;
}

static int later(filter *f, long number, int32_t seconds)
{
  char text[80];
  snprintf(text, sizeof text, "Greylisted: try again in %ld seconds",
           (long)seconds);
  return filter_verdict(f, FILTER_DEFER, number, "7.1", text);
}

static void log_it(filter const *f, char const *to, grey_answer const *a)
{
  static char const *const words[] = {"wait", "pass", "known", "unknown"};
  check const *c = f->data;
  if (c->waiting + c->passing > LOGGED) return;
  log_info("trace=%s ip=%s from=<%.200s> to=<%.200s> greylist=%s%s%.0ld",
           filter_fact(f, "id"), filter_fact(f, "ip"), f->from.s, to,
           words[a->verdict], a->verdict == GREY_WAIT ? " seconds=" : "",
           (long)a->seconds);
}

/* The targets of one RCPT share its number and its fate. */
static int recipient(filter *f, parcel_record const *r)
{
  check *c = f->data;
  envelope_to t;
  grey_question q;
  grey_answer a;
  char const *to;
  if (!*c->network || envelope_recipient(&t, r) < 0 ||
      (long)t.number == c->number)
    return 1;
  c->number = (long)t.number;
  to = *t.rcpt ? t.rcpt : t.address;
  grey_ask(&q, c->network, f->from.s, to, c->now);
  grey_keeper_ask(&c->keeper, &q, &a);
  if (a.verdict == GREY_WAIT)
    c->waiting++;
  else
    c->passing++;
  log_it(f, to, &a);
  if (a.verdict != GREY_WAIT) return 1;
  if (a.seconds > c->seconds) c->seconds = a.seconds;
  return later(f, c->number, a.seconds);
}

/* Without a question behind each recipient the client hears one answer for
   all of them, and none of them may be lost: so all come again. */
static int one_for_all(filter *f)
{
  check *c = f->data;
  unsigned mixed = c->waiting && c->passing && !f->asked;
  c->waiting = 0;
  return mixed ? later(f, FILTER_ALL, c->seconds) : 1;
}

static int record(filter *f, parcel_record const *r)
{
  return strchr("MEHA", r->type) ? one_for_all(f) : 1;
}

int grey_filter_run(char const *dir, grey_policy const *p)
{
  check c = {.keeper = {.dir = dir, .policy = p}};
  filter f = {.data = &c,
              .begin = begin,
              .connect = client,
              .recipient = recipient,
              .record = record,
              .end = one_for_all};
  return filter_run(&f);
}
