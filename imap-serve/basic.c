/* Commands that touch no mailbox. */
#include "session.h"

static int plain(session *s, parse *p)
{
  if (parse_end(p)) return 1;
  session_bad(s, p);
  return 0;
}

void session_put_capabilities(session *s)
{
  out_puts(&s->o, SESSION_CAPABILITIES " APPENDLIMIT=");
  out_number(&s->o, s->append_max);
  if (!s->o.z) out_puts(&s->o, " COMPRESS=DEFLATE");
}

void cmd_capability(session *s, parse *p, int uid)
{
  (void)uid;
  if (!plain(s, p)) return;
  out_puts(&s->o, "* CAPABILITY ");
  session_put_capabilities(s);
  out_puts(&s->o, "\r\n");
  session_update(s, 0, 1, 0);
  session_ok(s, "CAPABILITY completed");
}

void cmd_noop(session *s, parse *p, int uid)
{
  (void)uid;
  if (!plain(s, p)) return;
  session_update(s, 0, 1, 0);
  session_ok(s, "NOOP completed");
}

void cmd_check(session *s, parse *p, int uid)
{
  (void)uid;
  if (!plain(s, p)) return;
  session_update(s, 1, 1, 0);
  session_ok(s, "CHECK completed");
}

void cmd_logout(session *s, parse *p, int uid)
{
  (void)uid;
  if (!plain(s, p)) return;
  out_line(&s->o, "* BYE Logging out");
  session_ok(s, "LOGOUT completed");
  s->closing = 1;
}

void cmd_authenticated(session *s, parse *p, int uid)
{
  (void)uid;
  p->error = "Already authenticated";
  session_bad(s, p);
}

void cmd_namespace(session *s, parse *p, int uid)
{
  (void)uid;
  if (!plain(s, p)) return;
  out_line(&s->o, "* NAMESPACE ((\"\" \".\")) NIL NIL");
  session_update(s, 0, 1, 0);
  session_ok(s, "NAMESPACE completed");
}

/* RFC 4978. */
void cmd_compress(session *s, parse *p, int uid)
{
  text t;
  (void)uid;
  if (!parse_sp(p) || !parse_atom(p, &t) || !parse_end(p)) {
    session_bad(s, p);
  } else if (!text_is(&t, "DEFLATE")) {
    p->error = "Unknown mechanism";
    session_bad(s, p);
  } else if (s->o.z) {
    session_no(s, "[COMPRESSIONACTIVE] DEFLATE is in use");
  } else {
    session_ok(s, "DEFLATE active");
    session_squeezed();
    if (input_squeeze(&s->in) < 0) s->closing = 1;
  }
}

/* RFC 2971: what the client says of itself is read, and that is all. */
static int id_list(parse *p)
{
  text t;
  if (!parse_sp(p)) return 0;
  if (!parse_peek(p, '(')) {
    if (!parse_nstring(p, &t)) return 0;
    if (!t.s) return parse_end(p);
    p->error = "Expected a list or NIL";
    return 0;
  }
  p->s++;
  for (unsigned n = 0; !parse_peek(p, ')'); n++) {
    if (n == 30) {
      p->error = "Too many fields";
      return 0;
    }
    if ((n && !parse_sp(p)) || !parse_string(p, &t) || !parse_sp(p) ||
        !parse_nstring(p, &t))
      return 0;
  }
  p->s++;
  return parse_end(p);
}

void cmd_id(session *s, parse *p, int uid)
{
  (void)uid;
  if (!id_list(p)) {
    session_bad(s, p);
    return;
  }
  out_line(&s->o, "* ID (\"name\" \"rohrpost\")");
  session_update(s, 0, 1, 0);
  session_ok(s, "ID completed");
}

/* RFC 5161. IMAP4rev2 and UTF8=ACCEPT change how names are written. */
static int enable(session *s, text const *t)
{
  int *to = text_is(t, "IMAP4rev2")     ? &s->rev2
            : text_is(t, "UTF8=ACCEPT") ? &s->utf8
                                        : 0;
  if (!to || *to) return 0;
  session_utf8_names();
  return *to = 1;
}

void cmd_enable(session *s, parse *p, int uid)
{
  text t[PARSE_LISTED / 10];
  size_t n = 0;
  (void)uid;
  do {
    if (n == PARSE_LISTED / 10) p->error = "Too many arguments";
    if (p->error || !parse_sp(p) || !parse_atom(p, t + n++)) {
      session_bad(s, p);
      return;
    }
  } while (p->s < p->end);
  out_puts(&s->o, "* ENABLED");
  for (size_t i = 0; i < n; i++) {
    if (!enable(s, t + i)) continue;
    out_puts(&s->o, " ");
    out_put(&s->o, t[i].s, t[i].len);
  }
  out_puts(&s->o, "\r\n");
  session_update(s, 0, 1, 0);
  session_ok(s, "ENABLE completed");
}
