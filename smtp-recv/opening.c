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

static int put(session *s, char type, void const *bytes, size_t n)
{
  if (way_put(&s->way, type, bytes, n, soon()) > 0) return 1;
  log_warnsys("%s: the way in broke", s->id);
  way_drop(&s->way);
  s->opening = OPENING_NONE;
  return -1;
}

static int fact(session *s, char const *name, char const *value)
{
  char record[PARCEL_FACT];
  int n;
  if (!*value) return 1;
  n = snprintf(record, sizeof record, "%s=%s", name, value);
  if (n < 0 || (size_t)n >= sizeof record) return 1;
  return put(s, PARCEL_CLIENT, record, (size_t)n);
}

static int fact_number(session *s, char const *name, unsigned long n)
{
  char value[24];
  snprintf(value, sizeof value, "%lu", n);
  return n ? fact(s, name, value) : 1;
}

static int client(session *s)
{
  char clean[SESSION_HELO + 1];
  char const *rdns = ucspi_get("REMOTEHOST");
  serve_peer const *p = s->peer;
  if (fact(s, "id", s->id) < 0 || fact(s, "ip", p->ip) < 0 ||
      fact_number(s, "port", p->port) < 0 ||
      fact(s, "localip", p->localip) < 0 ||
      fact_number(s, "localport", p->localport) < 0)
    return -1;
  parcel_clean(clean, sizeof clean, s->helo, strlen(s->helo));
  if (fact(s, "helo", clean) < 0) return -1;
  if (!rdns) return 1;
  parcel_clean(clean, sizeof clean, rdns, strlen(rdns));
  return fact(s, "rdns", clean);
}

static int facts(session *s)
{
  trace t;
  trace_proto(&t, s->o->mode->lmtp, s->extended, s->tls, *s->user != 0,
              s->utf8);
  return client(s) > 0 && fact(s, "proto", t.proto) > 0 &&
                 fact(s, "tls", s->tls_info.version) > 0 &&
                 fact(s, "cipher", s->tls_info.cipher) > 0 &&
                 fact(s, "user", s->user) > 0 && fact(s, "by", s->o->me) > 0 &&
                 fact_number(s, "time", (unsigned long)time(0)) > 0
             ? 1
             : -1;
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
  if (put(s, PARCEL_BEGIN, s->parcel, strlen(s->parcel)) < 0) return -1;
  return facts(s);
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
