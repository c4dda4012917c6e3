#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "envelope.h"
#include "letter.h"

char const *letter_text(letter const *l, size_t at)
{
  return l->text.s + at;
}

static void reset(letter *l)
{
  l->text.len = 0;
  compose_reset(&l->message);
  l->trace = l->from = l->ret = l->envid = l->alias = 0;
  l->size = 0;
  l->time = 0;
  l->body8 = l->utf8 = l->complete = l->queued = 0;
  l->n = 0;
  l->order = 0;
  l->verdict.code = 0;
}

void letter_free(letter *l)
{
  stralloc_free(&l->text);
  compose_free(&l->message);
  free(l->v);
  *l = (letter)LETTER_ZERO;
}

void letter_init(letter *l, char const *dir)
{
  *l = (letter)LETTER_ZERO;
  l->message.message.dir = dir;
}

/* A copy of s, if there is one: 1, or -1 */
static int keep(letter *l, size_t *at, char const *s)
{
  if (!s) return 1;
  *at = l->text.len;
  return stralloc_catb(&l->text, s, strlen(s) + 1) ? 1 : -1;
}

static int has_word(parcel_record const *r, char const *word)
{
  char const *s;
  for (unsigned i = 1; i < 20 && (s = parcel_part(r, i)); i++)
    if (!strcmp(s, word)) return 1;
  return 0;
}

/* A parameter's value goes into a command: xtext and the like (RFC 3461 4),
   or it is left out. */
static int keep_param(letter *l, size_t *at, char const *s)
{
  size_t n = s ? strlen(s) : 0;
  if (!n || n > LETTER_PARAM) return 1;
  for (size_t i = 0; i < n; i++)
    if (s[i] <= ' ' && s[i] >= 0) return 1;
  return memchr(s, 127, n) ? 1 : keep(l, at, s);
}

/* An address goes into a command too. A domain in Unicode behind an ASCII
   local part goes as A-labels, for then no SMTPUTF8 is needed. 1; 0: it is no
   address; -1 */
static int keep_address(letter *l, size_t *at, char const *s, unsigned flags)
{
  size_t n = strlen(s), d = addr_at(s, n);
  int r;
  if (n && !addr_valid(s, n, flags | ADDR_UTF8)) return 0;
  if (d == n || addr_is_utf8(s, d) || !addr_is_utf8(s, n))
    return keep(l, at, s);
  *at = l->text.len;
  if (!stralloc_catb(&l->text, s, d + 1)) return -1;
  r = addr_domain_key(&l->text, s + d + 1, n - d - 1);
  if (r > 0 && !stralloc_0(&l->text)) r = -1;
  return r;
}

static int from(letter *l, parcel_record const *r)
{
  char const *body = parcel_param(r, 1, "BODY");
  char const *size = parcel_param(r, 1, "SIZE");
  int good = keep_address(l, &l->from, parcel_part(r, 0), ADDR_NULL);
  if (good < 0) return -1;
  if (!good) outcome_set(&l->verdict, 553, "5.1.7 Not an address: %s", r->s);
  l->body8 = body && !strcmp(body, "8BITMIME");
  l->utf8 = has_word(r, "SMTPUTF8");
  l->requiretls = *r->s && has_word(r, "REQUIRETLS");
  l->size = size ? strtoull(size, 0, 10) : 0;
  if (keep_param(l, &l->ret, parcel_param(r, 1, "RET")) < 0) return -1;
  return keep_param(l, &l->envid, parcel_param(r, 1, "ENVID"));
}

/* One that is no address is none. */
static int keep_alias(letter *l, recipient *t, parcel_record const *r)
{
  char const *rcpt = parcel_param(r, 2, "rcpt");
  char const *alias = envelope_alias(parcel_part(r, 1), rcpt ? rcpt : "");
  return *alias ? keep_address(l, &t->alias, alias, 0) : 1;
}

static recipient *more(letter *l)
{
  if (l->n == PARCEL_RECIPIENTS) return errno = EPROTO, (recipient *)0;
  if (l->n == l->room) {
    size_t room = l->room ? 4 * l->room : 4;
    recipient *v = realloc(l->v, room * sizeof *v);
    if (!v) return 0;
    l->v = v;
    l->room = room;
  }
  return l->v + l->n;
}

static int to(letter *l, parcel_record const *r)
{
  recipient *t = more(l);
  char const *own;
  char *end;
  int good;
  if (!t) return -1;
  *t = (recipient){.number = strtoul(r->s, &end, 10)};
  if (end == r->s || *end || !parcel_part(r, 1)) return errno = EPROTO, -1;
  good = keep_address(l, &t->address, parcel_part(r, 1), ADDR_BARE);
  if (good < 0 || keep(l, &t->via, parcel_param(r, 2, "via")) < 0 ||
      keep_param(l, &t->notify, parcel_param(r, 2, "notify")) < 0 ||
      keep_param(l, &t->orcpt, parcel_param(r, 2, "orcpt")) < 0)
    return -1;
  if (good && keep_alias(l, t, r) < 0) return -1;
  own = parcel_param(r, 2, "from");
  if (good && own) good = keep_address(l, &t->from, own, ADDR_NULL);
  if (good < 0) return -1;
  if (!good)
    outcome_set(&t->outcome, 553, "5.1.3 Not an address: %s",
                parcel_part(r, 1));
  l->n++;
  return 1;
}

static int verdict(letter *l, parcel_record const *r)
{
  envelope_verdict v;
  outcome o;
  if (envelope_judge(&v, r) < 0) {
    v.one = 0;
    outcome_set(&o, 451, "4.3.0 Bad verdict record");
  } else if (v.kind == 'j')
    outcome_set(&o, 550, "5.7.1 Junk is not sent on");
  else
    outcome_set(&o, v.code, "%s", v.text);
  if (!v.one && !l->verdict.code) l->verdict = o;
  for (size_t i = 0; v.one && i < l->n; i++)
    if (l->v[i].number == v.number && !l->v[i].outcome.code)
      l->v[i].outcome = o;
  return 1;
}

/* M, E, H and A. What cannot be kept is an answer, not the end of us. */
static int take(letter *l, parcel_record const *r)
{
  if (l->verdict.code) return 1;
  if (compose_take(&l->message, r) > 0) return 1;
  if (errno == EMSGSIZE)
    outcome_set(&l->verdict, 552, "5.3.4 The header is too big");
  else if (errno == EPROTO)
    outcome_set(&l->verdict, 554, "5.6.0 Not a header field");
  else
    outcome_set(&l->verdict, 451, "4.3.0 Unable to keep the message: %s",
                strerror(errno));
  return 1;
}

static int client(letter *l, parcel_record const *r)
{
  char const *t = parcel_fact(r, "time");
  if (t) l->time = strtoll(t, 0, 10);
  if (parcel_fact(r, "queue")) l->queued = 1;
  return l->trace ? 1 : keep(l, &l->trace, parcel_fact(r, "id"));
}

static int record(letter *l, parcel_record const *r)
{
  switch (r->type) {
  case PARCEL_BEGIN:
    memcpy(l->id, r->s, r->len + 1);
    return stralloc_0(&l->text) ? 1 : -1;
  case PARCEL_CLIENT: return client(l, r);
  case PARCEL_FROM: return from(l, r);
  case PARCEL_TO: return to(l, r);
  case PARCEL_VERDICT: return verdict(l, r);
  case PARCEL_END: l->complete = 1; return 1;
  case PARCEL_OMIT:
  case PARCEL_FIELD:
  case PARCEL_RESULT:
  case PARCEL_MESSAGE: return take(l, r);
  default: return 1;
  }
}

int letter_read(letter *l, parcel_in *in, int begin, int *asked,
                io_time deadline)
{
  *asked = 0;
  if (begin) reset(l);
  while (!l->queued || spool_size(&l->message.message) < LETTER_HELD) {
    parcel_record r;
    int got = parcel_get(in, &r, deadline);
    if (got < 0) return LETTER_BROKEN;
    if (got == 0)
      return l->order ? (errno = EPIPE, LETTER_BROKEN) : LETTER_NONE;
    if (parcel_order(&l->order, r.type) < 0) return LETTER_BROKEN;
    if (r.type == PARCEL_SETTLE) {
      *asked = 1;
      return LETTER_ALL;
    }
    if (record(l, &r) < 0) return LETTER_BROKEN;
    if (l->complete) return LETTER_ALL;
  }
  return LETTER_STREAM;
}

int letter_complete(letter *l, parcel_in *in)
{
  while (!l->complete) {
    parcel_record r;
    if (parcel_next(in, &r, &l->order) <= 0 || record(l, &r) < 0) return -1;
  }
  return 1;
}

int letter_drain(letter *l, parcel_in *in)
{
  while (!l->complete) {
    parcel_record r;
    if (parcel_next(in, &r, &l->order) <= 0) return -1;
    l->complete = r.type == PARCEL_END;
  }
  return 1;
}

recipient *letter_undecided(letter const *l)
{
  for (size_t i = 0; i < l->n; i++)
    if (!l->v[i].outcome.code) return l->v + i;
  return 0;
}

size_t letter_left(letter const *l)
{
  size_t n = 0;
  for (size_t i = 0; i < l->n; i++) n += !l->v[i].outcome.code;
  return n;
}

void letter_decide(letter *l, outcome const *o)
{
  for (size_t i = 0; i < l->n; i++)
    if (!l->v[i].outcome.code) l->v[i].outcome = *o;
}
