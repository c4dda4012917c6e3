/* The commands of each mode, and those that fit on a line or two. */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "session.h"

static void greet(session *s, char *arg, int extended)
{
  size_t n = strcspn(arg, " ");
  if (!n || n > SESSION_HELO) {
    say_error(s, "501 5.5.4 Who are you?");
    return;
  }
  transaction_reset(s);
  memcpy(s->helo, arg, n);
  s->helo[n] = 0;
  s->extended = extended;
  s->idle_commands++;
}

void cmd_helo(session *s, char *arg)
{
  greet(s, arg, 0);
  if (*arg) say(s, "250 %s", s->o->me);
}

static int may_starttls(session const *s)
{
  return !s->tls && tls_available(s->o->tls_socket);
}

static int may_auth(session const *s)
{
  return s->o->auth_socket && (s->tls || s->o->auth_in_clear);
}

void cmd_ehlo(session *s, char *arg)
{
  unsigned errors = s->errors;
  greet(s, arg, 1);
  if (errors != s->errors) return;
  say(s, "250-%s", s->o->me);
  say(s, "250-PIPELINING");
  say(s, "250-SIZE %llu", (unsigned long long)s->o->size);
  say(s, "250-8BITMIME");
  if (may_starttls(s)) say(s, "250-STARTTLS");
  if (may_auth(s)) say(s, "250-AUTH PLAIN LOGIN");
  say(s, "250-ENHANCEDSTATUSCODES");
  say(s, "250-CHUNKING");
  say(s, "250-DSN");
  if (s->tls) say(s, "250-REQUIRETLS");
  say(s, "250-LIMITS RCPTMAX=%u", s->o->recipients);
  say(s, "250 SMTPUTF8");
}

static void cmd_rset(session *s, char *arg)
{
  (void)arg;
  transaction_reset(s);
  s->idle_commands++;
  say(s, "250 2.0.0 Flushed");
}

static void cmd_noop(session *s, char *arg)
{
  (void)arg;
  s->idle_commands++;
  say(s, "250 2.0.0 Ok");
}

static void cmd_quit(session *s, char *arg)
{
  (void)arg;
  say(s, "221 2.0.0 %s Goodbye", s->o->me);
  s->over = s->quit = 1;
}

static void cmd_vrfy(session *s, char *arg)
{
  s->idle_commands++;
  if (*arg)
    say(s, "252 2.5.2 Send some mail, I will try my best");
  else
    say_error(s, "501 5.5.4 Whom?");
}

static void cmd_expn(session *s, char *arg)
{
  (void)arg;
  say_error(s, "502 5.5.1 Not here");
}

static void cmd_help(session *s, char *arg)
{
  command const *c = s->o->mode->commands;
  (void)arg;
  s->idle_commands++;
  say(s, "214-2.0.0 These commands are known:");
  for (; c->name; c++) say(s, "214%c2.0.0 %s", c[1].name ? '-' : ' ', c->name);
}

#define COMMON                                                                 \
  {"MAIL", cmd_mail, SESSION_LINE_PATH, 0},                                    \
      {"RCPT", cmd_rcpt, SESSION_LINE_PATH, 0},                                \
      {"DATA", cmd_data, SESSION_LINE, 1},                                     \
      {"BDAT", cmd_bdat, SESSION_LINE, 0},                                     \
      {"RSET", cmd_rset, SESSION_LINE, 1},                                     \
      {"NOOP", cmd_noop, SESSION_LINE, 0},                                     \
      {"QUIT", cmd_quit, SESSION_LINE, 1},                                     \
      {"HELP", cmd_help, SESSION_LINE, 0},                                     \
      {"STARTTLS", cmd_starttls, SESSION_LINE, 1},                             \
      {"AUTH", cmd_auth, SESSION_LINE_AUTH, 0},                                \
      {"VRFY", cmd_vrfy, SESSION_LINE, 0},                                     \
  {                                                                            \
    "EXPN", cmd_expn, SESSION_LINE, 0                                          \
  }

static command const smtp[] = {{"EHLO", cmd_ehlo, SESSION_LINE, 0},
                               {"HELO", cmd_helo, SESSION_LINE, 0},
                               COMMON,
                               {0}};
static command const lmtp[] = {
    {"LHLO", cmd_ehlo, SESSION_LINE, 0}, COMMON, {0}};

mode const mode_smtp = {.protocol = "ESMTP", .commands = smtp};
mode const mode_submission = {.protocol = "ESMTP",
                              .commands = smtp,
                              .authenticated = 1,
                              .relays = 1,
                              .completes = 1};
mode const mode_lmtp = {.protocol = "LMTP", .commands = lmtp, .lmtp = 1};
