#include <errno.h>
#include <string.h>

#include "lmtp.h"

void lmtp_answers(session *s, letter *l)
{
  int lost = 0;
  s->dirty = 0;
  for (size_t i = 0; i < l->n; i++) {
    recipient *t = l->v + i;
    reply r;
    if (!t->accepted || t->outcome.code) continue;
    if (!lost && session_reply(s, &r, s->limits->dot) < 0) lost = errno;
    if (lost)
      outcome_error(&t->outcome, s->host, "message", lost);
    else
      outcome_reply(&t->outcome, s->host, &r);
    if (t->outcome.code / 100 == 2 &&
        strcasestr(letter_text(l, t->notify), "SUCCESS"))
      outcome_relayed(&t->outcome, &t->outcome);
    if (!lost && r.code == 421) lost = EPIPE;
  }
  if (lost) session_close(s);
}
