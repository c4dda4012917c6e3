/* QUOTA (RFC 9208): one root, "", for all mailboxes of the account. */
#include <errno.h>

#include "errands.h"
#include "maildir.h"
#include "session.h"

int session_room(session *s, uint64_t bytes, uint64_t messages)
{
  quota more = {.bytes = bytes, .messages = messages};
  int r = quota_room(s->root, &s->limit, &more);
  if (!r) errno = EDQUOT;
  return r > 0 ? 1 : -1;
}

void session_grew(session *s, uint64_t bytes, uint64_t messages)
{
  quota now, before;
  if (!errands_wanted(ERRAND_QUOTA) || quota_used(s->root, &s->limit, &now) < 0)
    return;
  before = now;
  before.bytes -= bytes < now.bytes ? bytes : now.bytes;
  before.messages -= messages < now.messages ? messages : now.messages;
  errands_quota(&s->limit, &before, &now);
}

static int is_limited(session const *s)
{
  return s->limit.bytes || s->limit.messages;
}

static void resource(session *s, char const *name, uint64_t used,
                     uint64_t limit, int *some)
{
  if (!limit) return;
  if (*some) out_puts(&s->o, " ");
  *some = 1;
  out_puts(&s->o, name);
  out_number(&s->o, used);
  out_puts(&s->o, " ");
  out_number(&s->o, limit);
}

/* 1; 0: said NO */
static int put_quota(session *s)
{
  quota used;
  int some = 0;
  if (quota_used(s->root, &s->limit, &used) < 0) {
    session_no_errno(s, "count what the account holds");
    return 0;
  }
  out_puts(&s->o, "* QUOTA \"\" (");
  resource(s, "STORAGE ", (used.bytes + 1023) / 1024,
           (s->limit.bytes + 1023) / 1024, &some);
  resource(s, "MESSAGE ", used.messages, s->limit.messages, &some);
  out_line(&s->o, ")");
  return 1;
}

void cmd_getquota(session *s, parse *p, int uid)
{
  text root;
  (void)uid;
  if (!parse_sp(p) || !parse_astring(p, &root) || !parse_end(p)) {
    session_bad(s, p);
  } else if (root.len || !is_limited(s)) {
    session_no(s, "[NONEXISTENT] No such quota root");
  } else if (put_quota(s)) {
    session_update(s, 0, 1, 0);
    session_ok(s, "GETQUOTA completed");
  }
}

void cmd_getquotaroot(session *s, parse *p, int uid)
{
  char dir[MAILDIR_NAME + 1];
  int r = parse_sp(p) ? session_mailbox(s, p, dir) : 0;
  (void)uid;
  if (r < 0) return;
  if (!r || !parse_end(p)) {
    session_bad(s, p);
    return;
  }
  out_puts(&s->o, "* QUOTAROOT ");
  session_put_name(s, dir[1] ? dir + 1 : "INBOX");
  out_line(&s->o, is_limited(s) ? " \"\"" : "");
  if (is_limited(s) && !put_quota(s)) return;
  session_update(s, 0, 1, 0);
  session_ok(s, "GETQUOTAROOT completed");
}

/* " (STORAGE 10 MESSAGE 1)" */
static int limits(parse *p)
{
  text t;
  uint32_t n;
  if (!parse_sp(p) || !parse_char(p, '(')) return 0;
  for (int some = 0; !parse_peek(p, ')'); some = 1)
    if ((some && !parse_sp(p)) || !parse_atom(p, &t) || !parse_sp(p) ||
        !parse_number(p, &n))
      return 0;
  p->s++;
  return parse_end(p);
}

/* Limits are in the accounts table, which is the administrator's. */
void cmd_setquota(session *s, parse *p, int uid)
{
  text root;
  (void)uid;
  if (!parse_sp(p) || !parse_astring(p, &root) || !limits(p))
    session_bad(s, p);
  else if (root.len || !is_limited(s))
    session_no(s, "[NONEXISTENT] No such quota root");
  else
    session_no(s, "[NOPERM] Quotas are set by the administrator");
}
