#include <errno.h>

#include "search.h"

static int search(session *s, search_key const *key, int uid)
{
  int failed = 0;
  out_puts(&s->o, "* SEARCH");
  for (size_t at = 0; at < s->exists && !s->o.dead; at++) {
    int r = SEARCH_NO;
    if (!(s->box.v[at].state & MESSAGE_GONE)) {
      r = search_match(s, key, at, 0);
      if (r == SEARCH_MAYBE) r = search_match(s, key, at, 1);
    }
    if (r == SEARCH_ERROR) failed = errno;
    if (r != SEARCH_YES) continue;
    out_puts(&s->o, " ");
    out_number(&s->o, uid ? s->box.v[at].uid : at + 1);
  }
  out_puts(&s->o, "\r\n");
  return failed;
}

void cmd_search(session *s, parse *p, int uid)
{
  search_key *key;
  int failed;
  if (!search_parse(s, p, &key)) {
    search_free(key);
    session_bad(s, p);
    return;
  }
  failed = search(s, key, uid);
  search_free(key);
  session_update(s, 0, uid, uid);
  if (failed) {
    errno = failed;
    session_no_errno(s, "search a message");
  } else {
    session_ok(s, "SEARCH completed");
  }
}
