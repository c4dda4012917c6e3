#include <errno.h>

#include "letters.h"
#include "maildir.h"
#include "session.h"

enum {
  MESSAGES = 1,
  RECENT = 2,
  UIDNEXT = 4,
  UIDVALIDITY = 8,
  UNSEEN = 16,
  APPENDLIMIT = 32
};

static struct {
  char const *name;
  unsigned bit;
} const items[] = {{"MESSAGES", MESSAGES}, {"RECENT", RECENT},
                   {"UIDNEXT", UIDNEXT},   {"UIDVALIDITY", UIDVALIDITY},
                   {"UNSEEN", UNSEEN},     {"APPENDLIMIT", APPENDLIMIT}};
#define ITEMS (sizeof items / sizeof *items)

static int item(parse *p, unsigned *bits)
{
  text t;
  if (!parse_atom(p, &t)) return 0;
  for (size_t i = 0; i < ITEMS; i++) {
    if (!text_is(&t, items[i].name)) continue;
    *bits |= items[i].bit;
    return 1;
  }
  p->error = "Unknown status item";
  return 0;
}

static int item_list(parse *p, unsigned *bits)
{
  if (!parse_sp(p) || !parse_char(p, '(') || !item(p, bits)) return 0;
  while (parse_peek(p, ' ')) {
    p->s++;
    if (!item(p, bits)) return 0;
  }
  return parse_char(p, ')') && parse_end(p);
}

static uint32_t count(mailbox const *m, unsigned bit)
{
  uint32_t n = 0;
  if (bit == UIDNEXT) return mailbox_uidnext(m);
  if (bit == UIDVALIDITY) return m->uids.validity;
  for (size_t i = 0; i < m->n; i++) {
    message const *g = m->v + i;
    if (g->state & MESSAGE_GONE) continue;
    n += bit == MESSAGES || (bit == RECENT && g->state & MESSAGE_RECENT) ||
         (bit == UNSEEN && !(g->letters & letter_bit('S')));
  }
  return n;
}

static void answer(session *s, mailbox const *m, text const *name,
                   unsigned bits)
{
  int some = 0;
  out_puts(&s->o, "* STATUS ");
  out_astring(&s->o, name->s, name->len);
  out_puts(&s->o, " (");
  for (size_t i = 0; i < ITEMS; i++) {
    if (!(bits & items[i].bit)) continue;
    if (some) out_puts(&s->o, " ");
    some = 1;
    out_puts(&s->o, items[i].name);
    out_puts(&s->o, " ");
    out_number(&s->o, items[i].bit == APPENDLIMIT ? s->append_max
                                                  : count(m, items[i].bit));
  }
  out_line(&s->o, ")");
}

void cmd_status(session *s, parse *p, int uid)
{
  char dir[MAILDIR_NAME + 1];
  text name;
  unsigned bits = 0;
  mailbox m;
  (void)uid;
  if (!parse_sp(p) || !parse_astring(p, &name) || !item_list(p, &bits)) {
    session_bad(s, p);
    return;
  }
  if (!session_directory(&name, dir)) {
    session_no(s, "[CANNOT] Invalid mailbox name");
    return;
  }
  if (mailbox_open(&m, s->root, dir, 1) < 0) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
      session_no(s, "[NONEXISTENT] No such mailbox");
    else
      session_no_errno(s, "open a mailbox");
    return;
  }
  if (mailbox_sync(&m, 1) < 0) {
    session_no_errno(s, "read a mailbox");
  } else {
    answer(s, &m, &name, bits);
    session_update(s, 0, 1, 0);
    session_ok(s, "STATUS completed");
  }
  mailbox_close(&m);
}
