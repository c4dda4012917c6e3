#include <stdio.h>
#include <string.h>
#include <time.h>

#include <skalibs/env.h>

#include "log.h"
#include "opening.h"
#include "trace.h"

#define END_MS 30000 /* for the report of a parcel that nobody wants */

static io_time soon(void)
{
  return io_after(PARCEL_MS);
}

/* Behind a way in that broke nothing is put. */
static int put(session *s, char type, void const *bytes, size_t n)
{
  if (s->opening == OPENING_NONE) return -1;
  if (way_put(&s->way, type, bytes, n, soon()) > 0) return 1;
  log_warnsys("%s: the way in broke", s->id);
  way_drop(&s->way);
  s->opening = OPENING_NONE;
  return -1;
}

static void fact(session *s, char const *name, char const *value)
{
  char record[PARCEL_FACT];
  if (!*value) return;
  snprintf(record, sizeof record, "%s=%s", name, value);
  put(s, PARCEL_CLIENT, record, strlen(record));
}

static void fact_number(session *s, char const *name, unsigned long n)
{
  char value[24];
  snprintf(value, sizeof value, "%lu", n);
  if (n) fact(s, name, value);
}

static void fact_clean(session *s, char const *name, char const *value)
{
  char clean[SESSION_HELO + 1];
  parcel_clean(clean, sizeof clean, value, strlen(value));
  fact(s, name, clean);
}

static void facts(session *s)
{
  serve_peer const *p = s->peer;
  char const *rdns = ucspi_get("REMOTEHOST");
  trace t;
  trace_proto(&t, s->o->mode->lmtp, s->extended, s->tls, *s->user != 0,
              s->utf8);
  fact(s, "id", s->id);
  fact(s, "ip", p->ip);
  fact_number(s, "port", p->port);
  fact(s, "localip", p->localip);
  fact_number(s, "localport", p->localport);
  fact_clean(s, "helo", s->helo);
  if (rdns) fact_clean(s, "rdns", rdns);
  fact(s, "proto", t.proto);
  fact(s, "tls", s->tls_info.version);
  fact(s, "cipher", s->tls_info.cipher);
  fact(s, "user", s->user);
  fact(s, "by", s->o->me);
  fact_number(s, "time", (unsigned long)time(0));
}

static int begin(session *s)
{
  if (way_open(&s->way, io_after(SESSION_WAY_MS)) < 0) {
    log_warnsys("%s: unable to open the way in", s->id);
    return -1;
  }
  snprintf(s->parcel, sizeof s->parcel, "%s.%u", s->id, ++s->parcels);
  s->opening = OPENING_FACTS;
  s->to_put = 0;
  put(s, PARCEL_BEGIN, s->parcel, strlen(s->parcel));
  facts(s);
  return s->opening == OPENING_NONE ? -1 : 1;
}

static int recipients(session *s)
{
  while (s->to_put < s->to.len) {
    char const *p = s->to.s + s->to_put;
    size_t n = (size_t)(unsigned char)p[0] << 8 | (unsigned char)p[1];
    if (put(s, PARCEL_TO, p + 2, n) < 0) return -1;
    s->to_put += 2 + n;
  }
  return 1;
}

int opening_put(session *s, int upto)
{
  if (s->opening == OPENING_NONE && begin(s) < 0) return -1;
  if (upto >= OPENING_FROM && s->opening < OPENING_FROM) {
    if (put(s, PARCEL_FROM, s->from.s, s->from.len) < 0) return -1;
    s->opening = OPENING_FROM;
  }
  return upto >= OPENING_TO ? recipients(s) : 1;
}

int opening_ready(session *s)
{
  if (s->opening != OPENING_NONE) return 1;
  if (way_open(&s->way, io_after(SESSION_WAY_MS)) > 0) return 1;
  log_warnsys("%s: unable to open the way in", s->id);
  return -1;
}

/* What the sink says to all that it knows: 0, or s->verdict */
static char const *ask(session *s, int upto)
{
  parcel_report a = {.code = 451, .text = "4.3.0 Mail cannot be taken now"};
  if (opening_put(s, upto) > 0) {
    if (way_settle(&s->way, s->parcel, &a, soon()) > 0) {
      if (a.code < 300) return 0;
    } else {
      log_warnsys("%s: no answer to ?", s->id);
      s->opening = OPENING_NONE;
    }
  }
  if (a.code < 400) a.code = 451;
  snprintf(s->verdict, sizeof s->verdict, "%d %s", a.code, a.text);
  return s->verdict;
}

char const *opening_mail(session *s)
{
  char const *why = 0;
  *s->verdict = 0;
  if (s->o->stages & STAGE_CONNECT) why = ask(s, OPENING_FACTS);
  if (!why && s->o->stages & STAGE_SENDER) why = ask(s, OPENING_FROM);
  if (!why || !s->o->at_once) return 0;
  log_info("%s: refused from=<%.*s> ip=%s: %s", s->id,
           (int)strnlen(s->from.s, s->from.len), s->from.s, s->peer->ip, why);
  return why;
}

char const *opening_rcpt(session *s)
{
  static char refused[sizeof s->verdict];
  if (!(s->o->stages & STAGE_RCPT) || s->to_put == s->to.len) return 0;
  if (!ask(s, OPENING_TO)) return 0;
  memcpy(refused, s->verdict, sizeof refused);
  *s->verdict = 0; /* the next may be welcome */
  return refused;
}

void opening_end(session *s, char const *why)
{
  if (s->opening != OPENING_NONE)
    way_refuse(&s->way, s->parcel, why, io_after(END_MS));
  s->opening = OPENING_NONE;
}
