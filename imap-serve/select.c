#include <errno.h>
#include <string.h>

#include "letters.h"
#include "maildir.h"
#include "session.h"

static void ok_number(session *s, char const *code, uint32_t n, char const *t)
{
  out_puts(&s->o, "* OK [");
  out_puts(&s->o, code);
  out_puts(&s->o, " ");
  out_number(&s->o, n);
  out_puts(&s->o, "] ");
  out_line(&s->o, t);
}

static void first_unseen(session *s)
{
  for (size_t i = 0; i < s->box.n; i++) {
    if (s->box.v[i].letters & letter_bit('S')) continue;
    ok_number(s, "UNSEEN", (uint32_t)i + 1, "First unseen");
    return;
  }
}

static void describe(session *s)
{
  uint32_t recent = 0;
  mailbox_drop_gone(&s->box, 0, 0);
  for (size_t i = 0; i < s->box.n; i++)
    recent += (s->box.v[i].state & MESSAGE_RECENT) != 0;
  s->exists = (uint32_t)s->box.n;
  s->recent = recent;
  s->box.keys_changed = 0;
  out_puts(&s->o, "* FLAGS ");
  session_put_flag_names(s, 0);
  out_puts(&s->o, "\r\n* OK [PERMANENTFLAGS ");
  session_put_flag_names(s, 1);
  out_line(&s->o, "] Flags permitted");
  out_puts(&s->o, "* ");
  out_number(&s->o, s->exists);
  out_line(&s->o, " EXISTS");
  if (!s->rev2) {
    out_puts(&s->o, "* ");
    out_number(&s->o, recent);
    out_line(&s->o, " RECENT");
    first_unseen(s);
  }
  ok_number(s, "UIDVALIDITY", s->box.uids.validity, "UIDs valid");
  ok_number(s, "UIDNEXT", mailbox_uidnext(&s->box), "Predicted next UID");
  if (s->box.uids.guid[0]) {
    out_puts(&s->o, "* OK [MAILBOXID (");
    out_puts(&s->o, s->box.uids.guid);
    out_line(&s->o, ")] Its name for ever");
  }
}

/* RFC 9051 6.3.2: a LIST response with the name as it really is. */
static void list_response(session *s, char const *dir)
{
  if (!s->rev2) return;
  out_puts(&s->o, "* LIST () \".\" ");
  session_put_name(s, dir[1] ? dir + 1 : "INBOX");
  out_puts(&s->o, "\r\n");
}

static void open_mailbox(session *s, parse *p, int readonly)
{
  char dir[MAILDIR_NAME + 1];
  int r = parse_sp(p) ? session_mailbox(s, p, dir) : 0;
  if (r == 0 || (r > 0 && !parse_end(p))) {
    session_bad(s, p);
    return;
  }
  if (s->selected && s->rev2) out_line(&s->o, "* OK [CLOSED] Closed");
  session_unselect(s);
  if (r < 0) return;
  if (mailbox_open(&s->box, s->root, dir, readonly) < 0) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
      session_no(s, "[NONEXISTENT] No such mailbox");
    else
      session_no_errno(s, "open a mailbox");
    return;
  }
  memcpy(s->dir, dir, sizeof dir);
  if (!s->box.writable) s->box.readonly = 1;
  s->selected = 1;
  if (mailbox_sync(&s->box, 1) < 0) {
    session_no_errno(s, "read a mailbox");
    session_unselect(s);
    return;
  }
  describe(s);
  list_response(s, dir);
  session_ok(s, s->box.readonly ? readonly ? "[READ-ONLY] EXAMINE completed"
                                           : "[READ-ONLY] SELECT completed"
                                : "[READ-WRITE] SELECT completed");
}

void cmd_select(session *s, parse *p, int uid)
{
  (void)uid;
  open_mailbox(s, p, 0);
}

void cmd_examine(session *s, parse *p, int uid)
{
  (void)uid;
  open_mailbox(s, p, 1);
}

static void leave(session *s, parse *p, int expunge)
{
  if (!parse_end(p)) {
    session_bad(s, p);
    return;
  }
  for (size_t i = 0; expunge && !s->box.readonly && i < s->box.n; i++)
    if (s->box.v[i].letters & letter_bit('T'))
      message_remove(&s->box, s->box.v + i, letter_bit('T'));
  session_unselect(s);
  session_ok(s, expunge ? "CLOSE completed" : "UNSELECT completed");
}

void cmd_close(session *s, parse *p, int uid)
{
  (void)uid;
  leave(s, p, 1);
}

void cmd_unselect(session *s, parse *p, int uid)
{
  (void)uid;
  leave(s, p, 0);
}
