/* STORE and EXPUNGE (6.4.6, 6.4.3, RFC 4315 2.1). */
#include <errno.h>

#include "flags.h"
#include "letters.h"
#include "session.h"

typedef struct storing {
  int sign; /* '+', '-' or 0 */
  int silent, uid;
  flag_list flags;
  uint64_t set, clear;
  int gone, failed;
} storing;

static int store_parse(parse *p, storing *st)
{
  text t;
  if (parse_peek(p, '+') || parse_peek(p, '-')) st->sign = *p->s++;
  if (!parse_atom(p, &t)) return 0;
  st->silent = text_is(&t, "FLAGS.SILENT");
  if (!st->silent && !text_is(&t, "FLAGS")) {
    p->error = "Unknown store item";
    return 0;
  }
  if (!parse_sp(p)) return 0;
  if (!(parse_peek(p, '(') ? parse_flags(p, &st->flags)
                           : parse_flags_bare(p, &st->flags)))
    return 0;
  return parse_end(p);
}

/* 1, or -1 with errno */
static int find_letters(mailbox *m, storing *st)
{
  uint64_t letters;
  if (st->sign == '-') {
    st->clear = flags_known(m, &st->flags);
    return 1;
  }
  if (flags_letters(m, &st->flags, 0, &letters) < 0) return -1;
  st->set = letters;
  if (!st->sign) st->clear = ~letters & (LETTERS_SYSTEM | LETTERS_KEYWORDS);
  return 1;
}

static void one(session *s, storing *st, size_t at)
{
  message *g = s->box.v + at;
  uint64_t want = (g->letters | st->set) & ~st->clear;
  int known = !(g->state & MESSAGE_CHANGED);
  int r = message_change(&s->box, g, st->set, st->clear);
  if (r < 0) st->failed = errno;
  if (r == 0) st->gone = 1;
  if (r <= 0) return;
  g = s->box.v + at;
  if (!st->silent)
    session_put_fetch_flags(s, at, st->uid);
  else if (known && g->letters == want)
    g->state &= ~(uint32_t)MESSAGE_CHANGED;
}

void cmd_store(session *s, parse *p, int uid)
{
  storing st = {.uid = uid};
  set numbers;
  spans which;
  if (!parse_sp(p) || !parse_set(p, &numbers) || !parse_sp(p) ||
      !store_parse(p, &st) || !session_spans(s, p, &numbers, uid, &which)) {
    session_bad(s, p);
    return;
  }
  if (s->box.readonly) {
    session_no(s, "[READ-ONLY] Mailbox is read-only");
    return;
  }
  if (find_letters(&s->box, &st) < 0) {
    session_no_errno(s, "store keywords");
    return;
  }
  if (s->box.keys_changed) session_report(s, 0, uid);
  for (size_t i = 0; i < which.n; i++)
    for (size_t at = which.v[i].from; at < which.v[i].to && !s->o.dead; at++)
      one(s, &st, at);
  session_update(s, 0, uid, uid);
  if (st.failed) {
    errno = st.failed;
    session_no_errno(s, "store flags");
  } else {
    session_ok(s, st.gone ? "[EXPUNGEISSUED] Some messages are gone"
                          : "STORE completed");
  }
}

/* Messages that other sessions have marked are removed too. */
static int expunge(mailbox *m, set const *uids)
{
  uint32_t star = m->n ? m->v[m->n - 1].uid : 0;
  int r = mailbox_sync(m, 0);
  for (size_t i = 0; r >= 0 && i < m->n; i++) {
    if (!(m->v[i].letters & letter_bit('T')) || m->v[i].state & MESSAGE_GONE ||
        (uids && !set_has(uids, m->v[i].uid, star)))
      continue;
    r = message_remove(m, m->v + i, letter_bit('T'));
  }
  return r < 0 ? -1 : 1;
}

void cmd_expunge(session *s, parse *p, int uid)
{
  set uids;
  if ((uid && (!parse_sp(p) || !parse_set(p, &uids))) || !parse_end(p)) {
    session_bad(s, p);
    return;
  }
  if (s->box.readonly) {
    session_no(s, "[READ-ONLY] Mailbox is read-only");
    return;
  }
  if (expunge(&s->box, uid ? &uids : 0) < 0) {
    session_no_errno(s, "expunge");
    return;
  }
  session_update(s, 0, 1, uid);
  session_ok(s, "EXPUNGE completed");
}
