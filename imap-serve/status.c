#include <errno.h>

#include "letters.h"
#include "maildir.h"
#include "status.h"

enum {
  MESSAGES = 1,
  RECENT = 2,
  UIDNEXT = 4,
  UIDVALIDITY = 8,
  UNSEEN = 16,
  APPENDLIMIT = 32,
  DELETED = 64,
  SIZE = 128,
  DELETED_STORAGE = 256,
  MAILBOXID = 512
};

static struct {
  char const *name;
  unsigned bit;
} const items[] = {{"MESSAGES", MESSAGES},
                   {"RECENT", RECENT},
                   {"UIDNEXT", UIDNEXT},
                   {"UIDVALIDITY", UIDVALIDITY},
                   {"UNSEEN", UNSEEN},
                   {"APPENDLIMIT", APPENDLIMIT},
                   {"DELETED", DELETED},
                   {"SIZE", SIZE},
                   {"DELETED-STORAGE", DELETED_STORAGE},
                   {"MAILBOXID", MAILBOXID}};
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

int status_parse(parse *p, status_items *to)
{
  to->bits = 0;
  if (!parse_char(p, '(') || !item(p, &to->bits)) return 0;
  while (parse_peek(p, ' ')) {
    p->s++;
    if (!item(p, &to->bits)) return 0;
  }
  return parse_char(p, ')');
}

static int counts(message const *g, unsigned bit)
{
  if (bit == MESSAGES) return 1;
  if (bit == RECENT) return (g->state & MESSAGE_RECENT) != 0;
  if (bit == UNSEEN) return !(g->letters & letter_bit('S'));
  return (g->letters & letter_bit('T')) != 0;
}

static uint64_t count(mailbox *m, unsigned bit)
{
  uint64_t n = 0, size;
  for (size_t i = 0; i < m->n; i++) {
    message *g = m->v + i;
    if (g->state & MESSAGE_GONE) continue;
    if (bit != SIZE && !counts(g, bit)) continue;
    if (bit != SIZE && bit != DELETED_STORAGE)
      n++;
    else if (message_size(m, g, &size) > 0)
      n += size;
  }
  return bit == DELETED_STORAGE ? (n + 1023) / 1024 : n;
}

static void put_item(session *s, mailbox *m, unsigned bit)
{
  if (bit == MAILBOXID) {
    out_puts(&s->o, "(");
    out_puts(&s->o, m->uids.guid);
    out_puts(&s->o, ")");
  } else if (bit == APPENDLIMIT) {
    out_number(&s->o, s->append_max);
  } else if (bit == UIDNEXT) {
    out_number(&s->o, mailbox_uidnext(m));
  } else if (bit == UIDVALIDITY) {
    out_number(&s->o, m->uids.validity);
  } else {
    out_number(&s->o, count(m, bit));
  }
}

static void answer(session *s, mailbox *m, char const *name, unsigned bits)
{
  int some = 0;
  out_puts(&s->o, "* STATUS ");
  session_put_name(s, name);
  out_puts(&s->o, " (");
  for (size_t i = 0; i < ITEMS; i++) {
    if (!(bits & items[i].bit)) continue;
    if (some) out_puts(&s->o, " ");
    some = 1;
    out_puts(&s->o, items[i].name);
    out_puts(&s->o, " ");
    put_item(s, m, items[i].bit);
  }
  out_line(&s->o, ")");
}

int status_put(session *s, char const *dir, char const *name,
               status_items const *which)
{
  mailbox m;
  int e, r;
  if (mailbox_open(&m, s->root, dir, 1) < 0) return -1;
  r = mailbox_sync(&m, 1);
  if (r > 0) answer(s, &m, name, which->bits);
  e = errno;
  mailbox_close(&m);
  return errno = e, r;
}

void cmd_status(session *s, parse *p, int uid)
{
  char dir[MAILDIR_NAME + 1];
  text name;
  status_items which;
  (void)uid;
  if (!parse_sp(p) || !parse_astring(p, &name) || !parse_sp(p) ||
      !status_parse(p, &which) || !parse_end(p)) {
    session_bad(s, p);
    return;
  }
  if (!session_directory(&name, dir)) {
    session_no(s, "[CANNOT] Invalid mailbox name");
    return;
  }
  if (status_put(s, dir, dir[1] ? dir + 1 : "INBOX", &which) > 0) {
    session_update(s, 0, 1, 0);
    session_ok(s, "STATUS completed");
  } else if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) {
    session_no(s, "[NONEXISTENT] No such mailbox");
  } else {
    session_no_errno(s, "read a mailbox");
  }
}
