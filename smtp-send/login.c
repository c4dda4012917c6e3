#include <string.h>

#include "base64.h"
#include "ip.h"
#include "log.h"
#include "login.h"
#include "next-hop.h"

#define COMMAND 512 /* bytes of one (RFC 5321 4.5.3.1.4), AUTH too */

int login_find(login *g, fresh_table *relays, char const *name, outcome *o)
{
  table *t = fresh_table_get(relays);
  char const *s, *nul;
  size_t n;
  int r = t ? table_get(t, name, strlen(name), &s, &n) : -1;
  nul = r > 0 ? memchr(s, 0, n) : 0;
  *g = (login){.name = name};
  if (nul && nul - s <= NEXT_HOP_SECRET && s + n - nul - 1 <= NEXT_HOP_SECRET) {
    g->user = s;
    g->user_len = (size_t)(nul - s);
    g->password = nul + 1;
    g->password_len = n - g->user_len - 1;
    return 1;
  }
  if (r < 0) log_warnsys("unable to read %s", relays->path);
  outcome_set(o, 451,
              r ? "4.3.5 Our relays(5) cannot be read for %s"
                : "4.3.5 Our relays(5) has no %s",
              name);
  return 0;
}

/* RFC 4954 6: what they mean, whoever could change it is told. */
static void refused(login const *g, session const *s, reply const *r,
                    outcome *o)
{
  if (r->code == 535)
    outcome_set(o, 451,
                "4.7.8 %s refuses the user or password of %s in relays(5): %s",
                s->host, g->name, r->text);
  else
    outcome_set(o, 451, "4.7.0 %s does not let %s of relays(5) in: %d %s",
                s->host, g->name, r->code, r->text);
}

/* It is not shown (of AUTH the mechanism alone is), nor kept where it was sent
   from. */
static int say(session *s, char const *before, stralloc const *secret, reply *r,
               outcome *o)
{
  int done;
  s->secret = !*before;
  session_put(s, "%s%.*s\r\n", before, (int)secret->len, secret->s);
  done = session_ask(s, r, "AUTH", o);
  explicit_bzero(s->out, strlen(before) + secret->len + 2);
  s->secret = 0;
  return done;
}

static int command(session *s, char const *line, reply *r, outcome *o)
{
  session_put(s, "%s\r\n", line);
  return session_ask(s, r, "AUTH", o);
}

/* RFC 4616, without an identity to act as */
static int plain(login const *g, session *s, reply *r, outcome *o)
{
  char raw[2 + 2 * NEXT_HOP_SECRET];
  char text[4 * sizeof raw]; /* room enough that it is never allocated */
  stralloc secret = {.s = text, .len = 0, .a = sizeof text};
  static char const before[] = "AUTH PLAIN ";
  size_t n = 0;
  int done;
  raw[n++] = 0;
  memcpy(raw + n, g->user, g->user_len);
  n += g->user_len;
  raw[n++] = 0;
  memcpy(raw + n, g->password, g->password_len);
  n += g->password_len;
  done = base64_encode(&secret, raw, n) > 0;
  if (done && sizeof before - 1 + secret.len + 2 <= COMMAND) {
    done = say(s, before, &secret, r, o);
  } else {
    done = done && command(s, "AUTH PLAIN", r, o);
    if (done && r->code == 334) done = say(s, "", &secret, r, o);
  }
  explicit_bzero(raw, sizeof raw);
  explicit_bzero(text, sizeof text);
  return done;
}

static int answer(session *s, char const *text, size_t len, reply *r,
                  outcome *o)
{
  char room[4 * NEXT_HOP_SECRET];
  stralloc secret = {.s = room, .len = 0, .a = sizeof room};
  int done = base64_encode(&secret, text, len) > 0 && say(s, "", &secret, r, o);
  explicit_bzero(room, sizeof room);
  return done;
}

/* No RFC has it: a user and a password, each asked for. */
static int by_login(login const *g, session *s, reply *r, outcome *o)
{
  if (!command(s, "AUTH LOGIN", r, o)) return 0;
  if (r->code != 334) return 1;
  if (!answer(s, g->user, g->user_len, r, o)) return 0;
  if (r->code != 334) return 1;
  return answer(s, g->password, g->password_len, r, o);
}

int login_begin(login const *g, session *s, outcome *o)
{
  reply r = {.code = 0};
  int done;
  if (!s->verified && !ip_loopback(s->ip)) { /* the policy has seen to it */
    outcome_set(o, 451, "4.7.10 %s is not known well enough for a password",
                s->host);
    return LOGIN_NO;
  }
  if (!(s->can & (CAN_AUTH_PLAIN | CAN_AUTH_LOGIN))) {
    outcome_set(o, 451,
                "4.7.4 %s offers no AUTH PLAIN or LOGIN, for %s of "
                "relays(5)",
                s->host, g->name);
    return LOGIN_NO;
  }
  done = s->can & CAN_AUTH_PLAIN ? plain(g, s, &r, o) : by_login(g, s, &r, o);
  if (!done) return LOGIN_NEXT;
  if (r.code == 235) return LOGIN_DONE;
  if (r.code / 100 == 3) session_close(s); /* it asks on: QUIT is no answer */
  refused(g, s, &r, o);
  return r.code / 100 == 5 ? LOGIN_NO : LOGIN_NEXT;
}
