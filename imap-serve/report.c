/* What the client is told of the selected mailbox, asked or not. */
#include <errno.h>
#include <string.h>

#include "letters.h"
#include "log.h"
#include "session.h"

static void word(session *s, char const *w, int *some)
{
  if (*some) out_puts(&s->o, " ");
  *some = 1;
  out_puts(&s->o, w);
}

void session_put_flags(session *s, message const *g)
{
  int some = 0;
  out_puts(&s->o, "FLAGS (");
  for (unsigned i = 0; i < LETTERS_FLAGS; i++)
    if (g->letters & letter_bit(letters_flags[i].letter))
      word(s, letters_flags[i].name, &some);
  if (g->state & MESSAGE_RECENT && !s->rev2) word(s, "\\Recent", &some);
  if (g->letters & LETTERS_KEYWORDS)
    for (unsigned i = 0; i < KEYWORDS; i++)
      if (g->letters & letter_keyword(i) && s->box.keys.name[i])
        word(s, s->box.keys.name[i], &some);
  out_puts(&s->o, ")");
}

void session_put_flag_names(session *s, int permanent)
{
  int some = 0, room = 0;
  out_puts(&s->o, "(");
  if (!permanent || !s->box.readonly) {
    for (unsigned i = 0; i < LETTERS_FLAGS; i++)
      word(s, letters_flags[i].name, &some);
    for (unsigned i = 0; i < KEYWORDS; i++) {
      if (s->box.keys.name[i])
        word(s, s->box.keys.name[i], &some);
      else
        room = 1;
    }
    if (permanent && room) word(s, "\\*", &some);
  }
  out_puts(&s->o, ")");
}

/* A message that came and went before the client heard of it never had a
   number for it. */
static void tell_expunge(size_t seq, void *data)
{
  session *s = data;
  if (seq > s->exists) return;
  out_puts(&s->o, "* ");
  out_number(&s->o, seq);
  out_line(&s->o, " EXPUNGE");
  s->exists--;
}

static void number_line(session *s, uint32_t n, char const *what)
{
  out_puts(&s->o, "* ");
  out_number(&s->o, n);
  out_line(&s->o, what);
}

void session_put_fetch_flags(session *s, size_t i, int uid)
{
  message *g = s->box.v + i;
  g->state &= ~(uint32_t)MESSAGE_CHANGED;
  out_puts(&s->o, "* ");
  out_number(&s->o, i + 1);
  out_puts(&s->o, " FETCH (");
  if (uid) {
    out_puts(&s->o, "UID ");
    out_number(&s->o, g->uid);
    out_puts(&s->o, " ");
  }
  session_put_flags(s, g);
  out_line(&s->o, ")");
}

static void tell_keywords(session *s)
{
  s->box.keys_changed = 0;
  out_puts(&s->o, "* FLAGS ");
  session_put_flag_names(s, 0);
  out_puts(&s->o, "\r\n* OK [PERMANENTFLAGS ");
  session_put_flag_names(s, 1);
  out_line(&s->o, "] Flags changed");
}

void session_report(session *s, int expunge, int uid)
{
  uint32_t recent = 0;
  if (!s->selected) return;
  if (expunge) mailbox_drop_gone(&s->box, tell_expunge, s);
  if (s->box.keys_changed) tell_keywords(s);
  for (size_t i = 0; i < s->box.n; i++)
    recent += (s->box.v[i].state & MESSAGE_RECENT) != 0;
  if (s->box.n != s->exists) {
    s->exists = (uint32_t)s->box.n;
    number_line(s, s->exists, " EXISTS");
    s->recent = recent + 1;
  }
  if (recent != s->recent && !s->rev2)
    number_line(s, s->recent = recent, " RECENT");
  for (size_t i = 0; i < s->box.n; i++)
    if ((s->box.v[i].state & (MESSAGE_CHANGED | MESSAGE_GONE)) ==
        MESSAGE_CHANGED)
      session_put_fetch_flags(s, i, uid);
}

void session_update(session *s, int force, int expunge, int uid)
{
  if (!s->selected) return;
  mailbox_note_left(&s->box);
  /* one that is deaf hears of its own changes only */
  if (!s->deaf && mailbox_sync(&s->box, force) < 0) {
    if (errno == ENOENT || errno == ESTALE) {
      out_line(&s->o, "* BYE [UNAVAILABLE] The mailbox is another now");
      s->closing = 1;
      return;
    }
    log_warnsys("unable to read the mailbox");
  }
  session_report(s, expunge, uid);
}

void session_unselect(session *s)
{
  if (!s->selected) return;
  session_forget_file(s);
  mailbox_close(&s->box);
  s->selected = 0;
  s->exists = s->recent = 0;
}
