#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "letter.h"

char const *letter_text(letter const *l, size_t at)
{
  return l->text.s + at;
}

static void reset(letter *l)
{
  l->text.len = l->held.len = 0;
  l->omit.len = l->fields.len = l->results.len = 0;
  l->trace = l->from = l->ret = l->envid = 0;
  l->size = 0;
  l->body8 = l->utf8 = l->complete = 0;
  l->n = 0;
  l->order = 0;
  l->verdict.code = 0;
}

void letter_free(letter *l)
{
  stralloc_free(&l->text);
  stralloc_free(&l->held);
  stralloc_free(&l->omit);
  stralloc_free(&l->fields);
  stralloc_free(&l->results);
  free(l->v);
  *l = (letter){0};
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

static int from(letter *l, parcel_record const *r)
{
  char const *body = parcel_param(r, 1, "BODY");
  char const *size = parcel_param(r, 1, "SIZE");
  l->body8 = body && !strcmp(body, "8BITMIME");
  l->utf8 = has_word(r, "SMTPUTF8");
  l->size = size ? strtoull(size, 0, 10) : 0;
  if (keep(l, &l->ret, parcel_param(r, 1, "RET")) < 0 ||
      keep(l, &l->envid, parcel_param(r, 1, "ENVID")) < 0)
    return -1;
  return keep(l, &l->from, parcel_part(r, 0));
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
  char *end;
  if (!t) return -1;
  *t = (recipient){.number = strtoul(r->s, &end, 10)};
  if (end == r->s || *end || !parcel_part(r, 1)) return errno = EPROTO, -1;
  if (keep(l, &t->address, parcel_part(r, 1)) < 0 ||
      keep(l, &t->via, parcel_param(r, 2, "via")) < 0 ||
      keep(l, &t->notify, parcel_param(r, 2, "notify")) < 0 ||
      keep(l, &t->orcpt, parcel_param(r, 2, "orcpt")) < 0)
    return -1;
  l->n++;
  return 1;
}

/* "550 5.7.1 text" as an outcome; anything else as a 554 */
static void said(outcome *o, char const *s)
{
  reply r;
  char const *words = s && strlen(s) > 4 ? s + 4 : "";
  if (s && reply_split(s, strlen(s), &r) && r.code >= 400)
    outcome_set(o, r.code, "%s", words);
  else
    outcome_set(o, 554, "5.7.1 Refused");
}

static int verdict(letter *l, parcel_record const *r)
{
  char const *kind = parcel_part(r, 0), *text = parcel_part(r, 1);
  char const *only = parcel_part(r, 2);
  outcome o = {0};
  if (!strcmp(kind, "junk"))
    outcome_set(&o, 550, "5.7.1 Junk is not sent on");
  else if (!strcmp(kind, "reject") || !strcmp(kind, "defer"))
    said(&o, text);
  else
    return 1;
  if (!only && !l->verdict.code) l->verdict = o;
  for (size_t i = 0; only && i < l->n; i++)
    if (l->v[i].number == strtoul(only, 0, 10) && !l->v[i].outcome.code)
      l->v[i].outcome = o;
  return 1;
}

static int field(letter const *l, stralloc *sa, parcel_record const *r)
{
  if (l->omit.len + l->fields.len + l->results.len + r->len > LETTER_HEADER)
    return errno = EPROTO, -1;
  return stralloc_catb(sa, r->s, r->len) && stralloc_0(sa) ? 1 : -1;
}

static int record(letter *l, parcel_record const *r)
{
  switch (r->type) {
  case PARCEL_BEGIN:
    if (!r->len || r->len > PARCEL_ID) return errno = EPROTO, -1;
    memcpy(l->id, r->s, r->len + 1);
    return stralloc_0(&l->text) ? 1 : -1;
  case PARCEL_CLIENT:
    return l->trace ? 1 : keep(l, &l->trace, parcel_fact(r, "id"));
  case PARCEL_FROM: return from(l, r);
  case PARCEL_TO: return to(l, r);
  case PARCEL_VERDICT: return verdict(l, r);
  case PARCEL_OMIT: return field(l, &l->omit, r);
  case PARCEL_FIELD: return field(l, &l->fields, r);
  case PARCEL_RESULT: return field(l, &l->results, r);
  case PARCEL_END: l->complete = 1; return 1;
  case PARCEL_MESSAGE:
    if (l->verdict.code) return 1;
    return stralloc_catb(&l->held, r->s, r->len) ? 1 : -1;
  default: return 1;
  }
}

int letter_read(letter *l, parcel_in *in, int begin, int *asked,
                io_time deadline)
{
  *asked = 0;
  if (begin) reset(l);
  while (l->held.len <= LETTER_HELD) {
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

int letter_drain(letter *l, parcel_in *in)
{
  while (!l->complete) {
    parcel_record r;
    int got = parcel_get(in, &r, io_after(PARCEL_MS));
    if (got <= 0) return got < 0 ? -1 : (errno = EPIPE, -1);
    if (r.type == PARCEL_BEGIN) return errno = EPROTO, -1;
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

void letter_decide(letter *l, outcome const *o)
{
  for (size_t i = 0; i < l->n; i++)
    if (!l->v[i].outcome.code) l->v[i].outcome = *o;
}
