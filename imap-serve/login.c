#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "login.h"
#include "tls.h"

io_time login_deadline(login const *l)
{
  io_time t = io_after(l->o->idle_ms);
  return t < l->end ? t : l->end;
}

void login_say(login *l, char const *fmt, ...)
{
  char line[AUTH_LINE + 8];
  va_list ap;
  int n;
  va_start(ap, fmt);
  n = vsnprintf(line, sizeof line - 2, fmt, ap);
  va_end(ap);
  if (n < 0 || (size_t)n > sizeof line - 3) n = (int)sizeof line - 3;
  line[n++] = '\r';
  line[n++] = '\n';
  if (io_write(1, line, (size_t)n, io_after(l->o->idle_ms)) < 0) l->over = 1;
}

void login_bye(login *l, char const *text, int code)
{
  login_say(l, "* BYE %s", text);
  l->over = 1;
  l->code = code;
}

void login_wipe(login *l)
{
  explicit_bzero(l->in.buf, l->in.pos);
  explicit_bzero(l->command.words, l->command.used);
}

static char const *capabilities(login const *l)
{
  if (!l->tls && !l->o->auth_in_clear)
    return tls_available(l->o->tls_socket)
               ? "IMAP4rev1 LITERAL+ SASL-IR ID STARTTLS LOGINDISABLED"
               : "IMAP4rev1 LITERAL+ SASL-IR ID LOGINDISABLED";
  if (!l->tls && tls_available(l->o->tls_socket))
    return "IMAP4rev1 LITERAL+ SASL-IR ID STARTTLS AUTH=PLAIN AUTH=LOGIN";
  return "IMAP4rev1 LITERAL+ SASL-IR ID AUTH=PLAIN AUTH=LOGIN";
}

/* What the client said before is forgotten. */
static int begin_tls(login *l)
{
  tls_info info;
  int r = tls_begin(l->o->tls_socket, &info, login_deadline(l));
  if (r <= 0) {
    if (r < 0)
      log_warnsys("unable to begin TLS");
    else
      log_info("TLS handshake failed ip=%s%s%s", l->peer->ip,
               *info.error ? ": " : "", info.error);
    l->over = 1;
    l->code = r < 0 ? 111 : 1;
    return 0;
  }
  l->tls = 1;
  memcpy(l->tls_version, info.version, sizeof l->tls_version);
  line_init(&l->in, 0, l->input, sizeof l->input);
  return 1;
}

static void cmd_starttls(login *l)
{
  char const *tag = l->command.tag;
  if (l->tls || !tls_available(l->o->tls_socket)) {
    l->errors++;
    login_say(l, "%s BAD %s", tag, l->tls ? "TLS is in use" : "No TLS here");
  } else if (line_pending(&l->in)) {
    /* Plaintext must not be taken for what comes by TLS (CVE-2011-0411). */
    log_warn("commands behind STARTTLS ip=%s", l->peer->ip);
    login_say(l, "%s BAD Nothing may follow STARTTLS", tag);
    login_bye(l, "Nothing may follow STARTTLS", 1);
  } else {
    login_say(l, "%s OK Begin TLS", tag);
    if (!l->over) begin_tls(l);
  }
}

static void cmd_capability(login *l)
{
  login_say(l, "* CAPABILITY %s", capabilities(l));
  login_say(l, "%s OK Done", l->command.tag);
}

static void cmd_noop(login *l)
{
  login_say(l, "%s OK Done", l->command.tag);
}

static void cmd_logout(login *l)
{
  login_bye(l, "Good bye", 0);
  login_say(l, "%s OK Done", l->command.tag);
}

/* RFC 2971: NIL, or one list of strings; what is in it is nothing to us. */
static void cmd_id(login *l)
{
  login_command const *c = &l->command;
  int list = c->n >= 2 && c->marks[0] == '(' && c->marks[c->n - 1] == ')';
  for (unsigned i = 1; list && i + 1 < c->n; i++) list = !c->marks[i];
  if (!list && c->n != 1) {
    l->errors++;
    login_say(l, "%s BAD ID wants a list", c->tag);
    return;
  }
  login_say(l, "* ID (\"name\" \"rohrpost\")");
  login_say(l, "%s OK Done", c->tag);
}

static struct {
  char const *name;
  unsigned least, most; /* arguments */
  void (*run)(login *);
} const commands[] = {{"CAPABILITY", 0, 0, cmd_capability},
                      {"NOOP", 0, 0, cmd_noop},
                      {"LOGOUT", 0, 0, cmd_logout},
                      {"ID", 1, LOGIN_ARGS, cmd_id},
                      {"STARTTLS", 0, 0, cmd_starttls},
                      {"LOGIN", 2, 2, login_login},
                      {"AUTHENTICATE", 1, 2, login_authenticate}};

static void dispatch(login *l)
{
  login_command *c = &l->command;
  int parens = 0;
  for (unsigned i = 0; i < c->n; i++) parens |= c->marks[i];
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    if (strcmp(c->name, commands[i].name)) continue;
    if (c->n < commands[i].least || c->n > commands[i].most ||
        (parens && commands[i].run != cmd_id)) {
      l->errors++;
      login_say(l, "%s BAD Wrong arguments", c->tag);
    } else
      commands[i].run(l);
    return;
  }
  l->errors++;
  login_say(l, "%s BAD Unknown before login", c->tag);
}

static void session(login *l)
{
  if (l->o->tls_at_once && !begin_tls(l)) return;
  login_say(l, "* OK [CAPABILITY %s] rohrpost", capabilities(l));
  while (!l->over) {
    int r = login_read(l);
    if (r > 0) dispatch(l);
    login_wipe(l);
    if (!l->over && l->errors >= l->o->errors)
      login_bye(l, "Too many errors", 1);
  }
}

int login_run(login_options const *o, serve_peer const *peer)
{
  static login l; /* pages that are not used are not there */
  l.o = o;
  l.peer = peer;
  l.end = io_after(o->whole_ms);
  line_init(&l.in, 0, l.input, sizeof l.input);
  session(&l);
  explicit_bzero(l.input, sizeof l.input);
  return l.code;
}
