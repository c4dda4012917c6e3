/* MAIL (RFC 5321 4.1.1.2) with SIZE (1870), BODY (6152), SMTPUTF8 (6531), AUTH
   (4954), RET and ENVID (3461) and REQUIRETLS (8689). */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <skalibs/types.h>

#include "addr.h"
#include "dsn-param.h"
#include "opening.h"
#include "log.h"
#include "params.h"
#include "session.h"

typedef struct given {
  session *s;
  unsigned seen;
  char const *no; /* the reply, if it is one of these */
} given;

enum { SIZE = 1, BODY = 2, UTF8 = 4, AUTH = 8, RET = 16, ENVID = 32, TLS = 64 };

static int no(given *g, char const *text)
{
  g->no = text;
  return -1;
}

static int once(given *g, unsigned which)
{
  int again = g->seen & which;
  g->seen |= which;
  return !again;
}

static int mail_size(given *g, char const *value)
{
  uint64_t n;
  if (!once(g, SIZE) || !*value || value[strspn(value, "0123456789")] ||
      strlen(value) > 20)
    return 0;
  if (!uint640_scan(value, &n) || n > g->s->o->size)
    return no(g, "552 5.3.4 Message too big");
  g->s->size = n;
  return 1;
}

static int mail_body(given *g, char const *value)
{
  if (!once(g, BODY)) return 0;
  if (!strcasecmp(value, "8BITMIME"))
    g->s->body8 = 1;
  else if (strcasecmp(value, "7BIT"))
    return no(g, "501 5.5.4 BODY is 7BIT or 8BITMIME");
  return 1;
}

/* Whom the client believes to have sent it: read, and not believed. */
static int mail_auth(given *g, char const *value)
{
  if (!g->s->o->auth_socket) return no(g, "555 5.5.4 AUTH is not offered");
  return once(g, AUTH) && *value;
}

static int mail_ret(given *g, char const *value)
{
  g->s->ret = dsn_ret(value);
  return once(g, RET) && g->s->ret;
}

static int mail_envid(given *g, char const *value)
{
  if (!once(g, ENVID) || !dsn_envid_valid(value)) return 0;
  snprintf(g->s->envid, sizeof g->s->envid, "%s", value);
  return 1;
}

static int mail_param(char const *name, char const *value, void *data)
{
  given *g = data;
  int whole = *value == 0;
  if (!strcasecmp(name, "SIZE")) return mail_size(g, value);
  if (!strcasecmp(name, "BODY")) return mail_body(g, value);
  if (!strcasecmp(name, "AUTH")) return mail_auth(g, value);
  if (!strcasecmp(name, "SMTPUTF8") && whole) {
    g->s->utf8 = 1;
    return once(g, UTF8);
  }
  if (!strcasecmp(name, "RET")) return mail_ret(g, value);
  if (!strcasecmp(name, "ENVID")) return mail_envid(g, value);
  if (g->s->tls && !strcasecmp(name, "REQUIRETLS") && whole) {
    g->s->requiretls = 1;
    return once(g, TLS);
  }
  return no(g, "555 5.5.4 Parameter unknown");
}

static char const *too_early(session const *s)
{
  if (!*s->helo) return "503 5.5.1 Say hello first";
  if (s->o->mode->authenticated && !*s->user)
    return "530 5.7.0 Authentication required";
  if (s->mail) return "503 5.5.1 One sender at a time";
  return 0;
}

static void append(session *s, char const *name, char const *value)
{
  if (!stralloc_append(&s->from, 0) || !stralloc_cats(&s->from, name) ||
      !stralloc_cats(&s->from, value))
    hang_up(s, "421 4.3.0 Out of memory");
}

static void append_all(session *s)
{
  char size[24];
  snprintf(size, sizeof size, "%llu", (unsigned long long)s->size);
  if (s->size) append(s, "SIZE=", size);
  if (s->body8) append(s, "BODY=", "8BITMIME");
  if (s->utf8) append(s, "SMTPUTF8", "");
  if (s->requiretls) s->ret = "HDRS"; /* RFC 8689 5 */
  if (s->ret) append(s, "RET=", s->ret);
  if (*s->envid) append(s, "ENVID=", s->envid);
  if (s->requiretls) append(s, "REQUIRETLS", "");
}

static char const *read_mail(session *s, char *arg)
{
  given g = {.s = s};
  size_t used;
  int r;
  if (strncasecmp(arg, "FROM:", 5)) return "501 5.5.2 MAIL FROM:<address>";
  arg += 5;
  arg += strspn(arg, " ");
  r = addr_path(&s->from, arg, strlen(arg), &used, ADDR_NULL | ADDR_UTF8);
  if (r < 0) return "451 4.3.0 Out of memory";
  if (!stralloc_readyplus(&s->from, 1)) return "451 4.3.0 Out of memory";
  if (!r || (arg[used] && arg[used] != ' ')) return "501 5.1.7 Not an address";
  if (!s->extended && arg[used + strspn(arg + used, " ")])
    return "555 5.5.4 Parameters need EHLO";
  r = params_each(arg + used, mail_param, &g);
  if (r < 0) return g.no;
  if (!r) return "501 5.5.4 Bad parameter";
  if (addr_is_utf8(s->from.s, s->from.len) && !s->utf8)
    return "553 5.6.7 The address needs SMTPUTF8";
  return 0;
}

void cmd_mail(session *s, char *arg)
{
  char const *why = too_early(s);
  if (!why) {
    transaction_reset(s);
    why = read_mail(s, arg);
    if (why) transaction_reset(s);
  }
  if (why) {
    say_error(s, why);
    return;
  }
  why = rates_mail(s);
  if (why)
    log_info("%s: refused MAIL of %s ip=%s: %s", s->id, s->user, s->peer->ip,
             why);
  else
    append_all(s);
  if (s->over) return;
  if (!why) why = opening_mail(s);
  if (why) {
    say(s, "%s", why);
    transaction_reset(s);
    return;
  }
  s->mail = 1;
  say(s, "250 2.1.0 Sender ok");
}
