#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "commands.h"
#include "dsn-param.h"
#include "message.h"

#define WINDOW 100 /* commands whose replies are not yet read */

/* The steps: RSET, MAIL, one RCPT for each recipient, DATA. */
typedef struct steps {
  session *s;
  letter *l;
  size_t sent, got, end;
  size_t accepted;
  int failed; /* MAIL was refused */
  int reset;
  reply *data;
  outcome *o;
} steps;

enum { RSET, MAIL, FIRST_RCPT };

static int is_utf8(letter const *l, size_t at)
{
  char const *s = letter_text(l, at);
  return addr_is_utf8(s, strlen(s));
}

/* What needs SMTPUTF8 (RFC 6531 3.4): 5.6.7 or 0 */
static int needs_utf8(letter const *l)
{
  if (is_utf8(l, l->from)) return 1;
  for (size_t i = 0; i < l->n; i++)
    if (!l->v[i].outcome.code && is_utf8(l, l->v[i].address)) return 1;
  return l->utf8 && message_header_utf8(l);
}

int commands_possible(session *s, letter *l)
{
  outcome o;
  unsigned long long size = l->complete ? message_size(l) : l->size;
  if (s->maxsize && size > s->maxsize)
    outcome_set(&o, 552, "5.3.4 %s takes at most %llu bytes", s->host,
                s->maxsize);
  else if (!(s->can & CAN_SMTPUTF8) && needs_utf8(l))
    outcome_set(&o, 550, "5.6.7 %s does not take UTF-8 addresses and headers",
                s->host);
  else if (l->body8 && !(s->can & CAN_8BITMIME) && message_8bit(l))
    outcome_set(&o, 554, "5.6.3 %s does not take 8-bit messages", s->host);
  else
    return 1;
  letter_decide(l, &o);
  return 0;
}

static void put_mail(session *s, letter const *l)
{
  unsigned long long size = l->complete ? message_size(l) : l->size;
  session_put(s, "MAIL FROM:<%s>", letter_text(l, l->from));
  if (s->can & CAN_SIZE && size) session_put(s, " SIZE=%llu", size);
  if (s->can & CAN_8BITMIME && l->body8) session_put(s, " BODY=8BITMIME");
  if (s->can & CAN_SMTPUTF8 && (l->utf8 || needs_utf8(l)))
    session_put(s, " SMTPUTF8");
  if (l->requiretls) session_put(s, " REQUIRETLS");
  if (s->can & CAN_DSN && l->ret)
    session_put(s, " RET=%s", letter_text(l, l->ret));
  if (s->can & CAN_DSN && l->envid)
    session_put(s, " ENVID=%s", letter_text(l, l->envid));
  session_put(s, "\r\n");
}

/* RFC 6533 3: UTF-8 only for those who take it. */
static void put_orcpt(session *s, char const *orcpt)
{
  char ascii[DSN_ORCPT_ASCII];
  if (!(s->can & CAN_SMTPUTF8)) {
    dsn_orcpt_ascii(ascii, orcpt);
    orcpt = ascii;
  }
  session_put(s, " ORCPT=%s", orcpt);
}

static void put_rcpt(session *s, letter const *l, recipient const *t)
{
  session_put(s, "RCPT TO:<%s>", letter_text(l, t->address));
  if (s->can & CAN_DSN && t->notify)
    session_put(s, " NOTIFY=%s", letter_text(l, t->notify));
  if (s->can & CAN_DSN && t->orcpt) put_orcpt(s, letter_text(l, t->orcpt));
  session_put(s, "\r\n");
}

static int skipped(steps const *t, size_t k)
{
  if (k == RSET) return !t->reset;
  if (k < FIRST_RCPT + t->l->n && k >= FIRST_RCPT)
    return t->l->v[k - FIRST_RCPT].outcome.code ||
           t->l->v[k - FIRST_RCPT].later;
  return 0;
}

/* DATA waits until a recipient is accepted or may still be. */
static void put_step(steps *t, size_t k)
{
  if (skipped(t, k)) return;
  if (k == RSET)
    session_put(t->s, "RSET\r\n");
  else if (k == MAIL)
    put_mail(t->s, t->l);
  else if (k < FIRST_RCPT + t->l->n)
    put_rcpt(t->s, t->l, t->l->v + k - FIRST_RCPT);
  else if (t->accepted || t->got < k)
    session_put(t->s, "DATA\r\n");
  else
    t->end = k;
}

static void to_mail(steps *t, reply const *r)
{
  t->s->dirty = r->code / 100 == 2;
  if (t->s->dirty) return;
  outcome_reply(t->o, t->s->host, r);
  t->failed = 1;
  t->end = t->sent;
}

/* RFC 5321 4.5.3.1.10: 552 is an old server's word for too many recipients */
static int too_many(reply const *r)
{
  return (r->code == 552 && (!*r->enhanced || !strcmp(r->enhanced, "5.5.3"))) ||
         (r->code == 452 && (!*r->enhanced || !strcmp(r->enhanced, "4.5.3")));
}

static void to_rcpt(steps *t, recipient *to, reply *r)
{
  if (t->failed) return;
  if (r->code / 100 == 2) {
    to->accepted = 1;
    t->accepted++;
  } else if (too_many(r) && t->accepted) {
    to->later = 1;
  } else {
    if (too_many(r)) {
      r->code = 452;
      memcpy(r->enhanced, "4.5.3", 6);
    }
    outcome_reply(&to->outcome, t->s->host, r);
  }
}

/* 1, or 0 and *o: whatever it answers, this is not the peer's answer to it */
static int to_data(steps *t, reply const *r)
{
  *t->data = *r;
  if (r->code == 354 || r->code >= 400) return 1;
  outcome_set(t->o, 451, "4.5.0 %s: bad reply to DATA", t->s->host);
  return 0;
}

/* 1, or 0 and *o. MAIL would be refused within the old transaction. */
static int to_rset(steps *t, reply const *r)
{
  if (r->code / 100 == 2) return 1;
  outcome_set(t->o, 451, "4.5.0 %s: bad reply to RSET", t->s->host);
  return 0;
}

static char const *name(steps const *t, size_t k)
{
  return k == RSET                  ? "RSET"
         : k == MAIL                ? "MAIL"
         : k < FIRST_RCPT + t->l->n ? "RCPT"
                                    : "DATA";
}

static unsigned seconds(steps const *t, size_t k)
{
  limits const *m = t->s->limits;
  return k <= MAIL ? m->mail : k < FIRST_RCPT + t->l->n ? m->rcpt : m->data;
}

/* 1, or 0 and *o */
static int take(steps *t, size_t k)
{
  reply r;
  if (session_reply(t->s, &r, seconds(t, k)) < 0) {
    outcome_error(t->o, t->s->host, name(t, k), errno);
    return 0;
  }
  if (r.code == 421) {
    outcome_reply(t->o, t->s->host, &r);
    return 0;
  }
  if (k == RSET) return to_rset(t, &r);
  if (k >= FIRST_RCPT + t->l->n) return to_data(t, &r);
  if (k == MAIL)
    to_mail(t, &r);
  else
    to_rcpt(t, t->l->v + k - FIRST_RCPT, &r);
  return 1;
}

static int exchange(steps *t)
{
  size_t window = t->s->can & CAN_PIPELINING ? WINDOW : 1;
  while (t->got < t->end) {
    if (line_pending(&t->s->in)) { /* all replies have been read */
      outcome_error(t->o, t->s->host, name(t, t->got), EPROTO);
      return 0;
    }
    while (t->sent < t->end && t->sent - t->got < window &&
           t->s->outlen < sizeof t->s->out / 2)
      put_step(t, t->sent++);
    if (session_flush(t->s, seconds(t, t->got)) < 0) {
      outcome_error(t->o, t->s->host, name(t, t->got), errno);
      return 0;
    }
    for (; t->got < t->sent && t->got < t->end; t->got++)
      if (!skipped(t, t->got) && !take(t, t->got)) return 0;
  }
  return 1;
}

/* No more than the host has said that it takes (RFC 9422 4.2). */
static void begin(session const *s, letter *l)
{
  unsigned n = 0;
  for (size_t i = 0; i < l->n; i++) {
    recipient *t = l->v + i;
    t->accepted = 0;
    if (!t->outcome.code) t->later = s->rcptmax && n++ >= s->rcptmax;
  }
}

int commands_send(session *s, letter *l, reply *data, outcome *o)
{
  steps t = {.s = s,
             .l = l,
             .end = FIRST_RCPT + l->n + !(s->can & CAN_CHUNKING),
             .reset = s->dirty,
             .data = data,
             .o = o};
  data->code = 0;
  begin(s, l);
  if (!exchange(&t)) {
    session_close(s);
    return COMMANDS_NEXT;
  }
  if (t.failed) {
    if (o->code < 500) return COMMANDS_NEXT;
    letter_decide(l, o);
    return COMMANDS_NONE;
  }
  if (!t.accepted) return COMMANDS_NONE;
  return data->code == 354 || s->can & CAN_CHUNKING ? COMMANDS_DATA
                                                    : COMMANDS_NONE;
}
