#include <errno.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <skalibs/stralloc.h>

#include "conf.h"
#include "filter.h"
#include "log.h"
#include "parcel.h"

#define HELO_MAX 256

/* What is known of the parcel under way. */
typedef struct facts {
  char order; /* for parcel_order() */
  char ip[64], helo[HELO_MAX], trace[PARCEL_ID + 1];
  int trusted;       /* logged in, or no client to be asked about */
  int verdict;       /* another one's: hands off */
  char result[1100]; /* the A record that is still to be written */
} facts;

static void keep(char *to, size_t size, char const *s)
{
  if (s) snprintf(to, size, "%s", s);
}

static int loopback(char const *ip)
{
  return !strncmp(ip, "127.", 4) || !strcmp(ip, "::1") ||
         !strncasecmp(ip, "::ffff:127.", 11);
}

static void client(facts *f, parcel_record const *r)
{
  keep(f->ip, sizeof f->ip, parcel_fact(r, "ip"));
  keep(f->helo, sizeof f->helo, parcel_fact(r, "helo"));
  keep(f->trace, sizeof f->trace, parcel_fact(r, "id"));
  if (parcel_fact(r, "user")) f->trusted = 1;
}

/* A pvalue of RFC 8601 2.2: as it is, or in quotes */
static void property(char *to, size_t size, char const *s)
{
  size_t n = 0;
  int plain = 1;
  for (char const *p = s; *p; p++)
    if (!(isalnum((unsigned char)*p) && !(*p & 0x80)) &&
        !strchr("!#$%&'*+-/=?^_`{|}~.@", *p))
      plain = 0;
  if (!plain) to[n++] = '"';
  for (; *s && n + 4 < size; s++) {
    if (!plain && (*s == '"' || *s == '\\')) to[n++] = '\\';
    to[n++] = *s < ' ' || *s > '~' ? '?' : *s;
  }
  if (!plain) to[n++] = '"';
  to[n] = 0;
}

/* RFC 7372 3.2: 5.7.23, 5.7.24 */
static int verdict(parcel_out *out, spf_answer const *a, char const *action)
{
  char v[PARCEL_REPLY + 32];
  int kind, n, defer = !strcmp(action, "defer");
  char const *code =
      a->result == SPF_FAIL || a->result == SPF_SOFTFAIL ? "7.23" : "7.24";
  kind = snprintf(v, sizeof v, "%s", action) + 1;
  n = snprintf(v + kind, sizeof v - (size_t)kind, "%s.%s SPF %s%s%s",
               defer ? "451 4" : "550 5", code, spf_word(a->result),
               a->explained ? ", the domain explains: " : ": ", a->text);
  if (n >= (int)sizeof v - kind) n = (int)sizeof v - kind - 1;
  return parcel_put(out, PARCEL_VERDICT, v, (size_t)(kind + n),
                    io_after(PARCEL_MS));
}

/* At F everything is known. */
static int sender(facts *f, filter_policy const *p, parcel_out *out,
                  parcel_record const *r)
{
  char value[1024];
  spf_request q = {f->ip, f->helo, r->s, conf_me()};
  spf_answer a;
  if (f->trusted || f->verdict || !*f->ip || loopback(f->ip)) return 1;
  if (!spf_check(&q, &a)) return 1;
  property(value, sizeof value, a.identity);
  snprintf(f->result, sizeof f->result, "spf=%s smtp.%s=%s", spf_word(a.result),
           a.helo ? "helo" : "mailfrom", value);
  log_info("trace=%s ip=%s helo=%s from=<%s> spf=%s: %s", f->trace, f->ip,
           f->helo, r->s, spf_word(a.result), a.text);
  if (!p->action[a.result]) return 1;
  return verdict(out, &a, p->action[a.result]);
}

/* The result stands before the first record that may follow recipients. */
static int result(facts *f, parcel_out *out)
{
  int r = 1;
  if (*f->result)
    r = parcel_puts(out, PARCEL_RESULT, f->result, io_after(PARCEL_MS));
  *f->result = 0;
  return r;
}

static int record(facts *f, filter_policy const *p, parcel_out *out,
                  parcel_record const *r)
{
  io_time deadline = io_after(PARCEL_MS);
  if (r->type == PARCEL_BEGIN) *f = (facts){.order = f->order};
  if (r->type == PARCEL_CLIENT) client(f, r);
  if (parcel_refused(r)) f->verdict = 1;
  if (strchr("MEHA.", r->type) && result(f, out) < 0) return -1;
  if (parcel_put(out, r->type, r->s, r->len, deadline) < 0) return -1;
  return r->type == PARCEL_FROM ? sender(f, p, out, r) : 1;
}

/* What is buffered goes out when nothing more has come in. */
static int step(parcel_in *in, parcel_out *out, facts *f,
                filter_policy const *p)
{
  parcel_record r;
  int got;
  if (in->pos == in->end && parcel_flush(out, io_after(PARCEL_MS)) < 0)
    return -1;
  got = parcel_next(in, &r, &f->order);
  return got > 0 ? record(f, p, out, &r) : got;
}

int filter_run(filter_policy const *p)
{
  parcel_in in;
  parcel_out out;
  facts f = {0};
  int r;
  if (parcel_in_init(&in, 0) < 0 || parcel_out_init(&out, 1, -1) < 0)
    return 111;
  while ((r = step(&in, &out, &f, p)) > 0) continue;
  if (r < 0) log_warnsys("unable to pass on a parcel");
  parcel_in_free(&in);
  parcel_out_free(&out);
  return r < 0 ? 111 : 0;
}
