/* SUBSCRIBE, UNSUBSCRIBE (RFC 3501 6.3.6, 6.3.7). */
#include "folders.h"
#include "maildir.h"
#include "session.h"

static void subscribe(session *s, parse *p, int add)
{
  char dir[MAILDIR_NAME + 1];
  char const *name;
  int r = parse_sp(p) ? session_mailbox(s, p, dir) : 0;
  if (r == 0 || (r > 0 && !parse_end(p))) session_bad(s, p);
  if (r <= 0 || p->error) return;
  name = dir[1] ? dir + 1 : "INBOX";
  if (subscriptions_change(s->root, name, add) < 0) {
    session_no_errno(s, "write subscriptions");
    return;
  }
  session_update(s, 0, 1, 0);
  session_ok(s, add ? "SUBSCRIBE completed" : "UNSUBSCRIBE completed");
}

void cmd_subscribe(session *s, parse *p, int uid)
{
  (void)uid;
  subscribe(s, p, 1);
}

void cmd_unsubscribe(session *s, parse *p, int uid)
{
  (void)uid;
  subscribe(s, p, 0);
}
