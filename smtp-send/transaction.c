#include <errno.h>
#include <string.h>

#include "commands.h"
#include "lmtp.h"
#include "message.h"
#include "transaction.h"

/* Whose sender is told of the success, not by a peer without DSN but by who
   gave us the letter (RFC 3461 5.2.2 b). He learns it by X.1.9, RFC 3886. */
static int relayed(session const *s, letter const *l, recipient const *t)
{
  return !(s->can & CAN_DSN) &&
         strcasestr(letter_text(l, t->notify), "SUCCESS");
}

/* Those that the peer took share what it says in the end. */
static void finish(session const *s, letter *l, outcome const *o)
{
  outcome last = *o;
  if (o->code / 100 == 2) outcome_relayed(&last, o);
  for (size_t i = 0; i < l->n; i++)
    if (l->v[i].accepted && !l->v[i].outcome.code)
      l->v[i].outcome = relayed(s, l, l->v + i) ? last : *o;
}

/* The peer took DATA although it took no recipient (RFC 2920 3.1). */
static void empty_data(session *s)
{
  reply r;
  session_put(s, ".\r\n");
  if (session_flush(s, s->limits->block) < 0 ||
      session_reply(s, &r, s->limits->dot) < 0)
    session_close(s);
}

static void answered(session *s, letter *l, reply const *r)
{
  outcome o;
  outcome_reply(&o, s->host, r);
  if (r->code == 421 || r->code / 100 == 3) session_close(s);
  finish(s, l, &o);
}

/* A message that goes several times is kept first: 1; 0: it cannot be, and
   every recipient has its outcome; -1: the parcel is broken. */
static int keep(session *s, letter *l, parcel_in *in)
{
  for (size_t i = 0; i < l->n; i++) {
    if (!l->v[i].later || l->v[i].outcome.code) continue;
    if (letter_complete(l, in) < 0) return -1;
    break;
  }
  if (!l->verdict.code) return 1;
  session_close(s);
  letter_decide(l, &l->verdict);
  return 0;
}

static int send_message(session *s, letter *l, parcel_in *in)
{
  reply r;
  outcome o;
  int kept = keep(s, l, in), sent;
  if (kept == 0) return TX_DONE;
  sent = kept > 0 ? message_send(s, l, in, &r) : MESSAGE_BROKEN;
  if (sent == MESSAGE_BROKEN) {
    int e = errno;
    session_close(s);
    return errno = e, TX_BROKEN;
  }
  if (sent == MESSAGE_SENT && s->lmtp) return lmtp_answers(s, l), TX_DONE;
  if (sent == MESSAGE_LOST ||
      (!(sent == MESSAGE_EARLY && r.code) &&
       session_reply(s, &r, sent == MESSAGE_SENT ? s->limits->dot : 5) < 0)) {
    outcome_error(&o, s->host, "message", errno);
    finish(s, l, &o);
    session_close(s);
    return TX_DONE;
  }
  s->dirty = 0;
  if (sent != MESSAGE_SENT && r.code / 100 == 2) {
    outcome_set(&o, 451, "4.5.0 %s: answers before the end of the message",
                s->host);
    finish(s, l, &o);
  } else
    answered(s, l, &r);
  if (sent != MESSAGE_SENT) session_close(s);
  return TX_DONE;
}

int transaction(session *s, letter *l, parcel_in *in, outcome *o)
{
  unsigned before = s->transactions++;
  reply data;
  int r;
  if (!commands_possible(s, l)) return TX_DONE;
  r = commands_send(s, l, &data, o);
  if (r == COMMANDS_NEXT) {
    session_close(s);
    if (!letter_left(l)) return TX_DONE;
    return before ? TX_STALE : TX_NEXT;
  }
  if (r == COMMANDS_DATA) return send_message(s, l, in);
  if (data.code == 354)
    empty_data(s);
  else if (data.code)
    answered(s, l, &data);
  return TX_DONE;
}
