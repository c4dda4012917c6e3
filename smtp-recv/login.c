/* STARTTLS (RFC 3207), AUTH (RFC 4954). */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base64.h"
#include "log.h"
#include "session.h"
#include "show.h"

#define TLS_MS (60 * 1000)
#define AUTH_MS (60 * 1000)
#define AUTH_FAILURES 3

/* Begins TLS on fd 0; what the client said before is forgotten. */
int session_tls(session *s)
{
  int r;
  say_flush(s);
  r = tls_begin(s->o->tls_socket, &s->tls_info, io_after(TLS_MS));
  if (r <= 0) {
    if (r < 0)
      log_warnsys("%s: unable to begin TLS", s->id);
    else
      log_info("%s: TLS handshake with %s failed%s%s", s->id, s->peer->ip,
               *s->tls_info.error ? ": " : "", s->tls_info.error);
    s->over = 1;
    return 0;
  }
  s->tls = 1;
  line_init(&s->in, 0, s->input, sizeof s->input);
  *s->helo = 0;
  s->extended = 0;
  transaction_reset(s);
  return 1;
}

void cmd_starttls(session *s, char *arg)
{
  (void)arg;
  if (s->tls) {
    say_error(s, "503 5.5.1 TLS is in use");
  } else if (!tls_available(s->o->tls_socket)) {
    say_error(s, "502 5.5.1 No TLS here");
  } else if (line_pending(&s->in)) {
    /* Plaintext must not be taken for what comes by TLS (CVE-2011-0411). */
    log_warn("%s: %s sent commands behind STARTTLS", s->id, s->peer->ip);
    hang_up(s, "421 5.5.1 Nothing may follow STARTTLS");
  } else {
    say(s, "220 2.0.0 Go ahead");
    session_tls(s);
  }
}

static char const *auth_refused(session const *s, char const *arg)
{
  if (!s->o->auth_socket) return "502 5.5.1 No AUTH here";
  if (!*s->helo || !s->extended) return "503 5.5.1 EHLO first";
  if (*s->user) return "503 5.5.1 You are authenticated";
  if (s->mail) return "503 5.5.1 Not inside a transaction";
  if (!*arg) return "501 5.5.4 AUTH mechanism";
  if (!s->tls && !s->o->auth_in_clear) return "538 5.7.11 Encryption required";
  return 0;
}

/* Its name for good: arg's place is soon the next line's. Or 0. */
static char const *known(char const *arg)
{
  return !strcasecmp(arg, "PLAIN")   ? "PLAIN"
         : !strcasecmp(arg, "LOGIN") ? "LOGIN"
                                     : 0;
}

/* The client's answer to a challenge: 1, or 0 and it was told why not. */
static int respond(session *s, char const *challenge, char **response)
{
  int r;
  say(s, "334 %s", challenge);
  r = session_line(s, response, SESSION_LINE_AUTH);
  if (r <= 0) return 0;
  show_bytes(s, "response", strlen(*response));
  if (!strcmp(*response, "*")) {
    say_error(s, "501 5.7.0 Cancelled");
    return 0;
  }
  if (base64_valid(*response)) return 1;
  say_error(s, "501 5.5.2 Not base64");
  return 0;
}

static int exchange(session *s, auth_client *a, char const *mechanism,
                    char *initial, auth_answer *answer)
{
  auth_facts facts = {.service = "smtp",
                      .ip = *s->peer->ip ? s->peer->ip : 0,
                      .localip = *s->peer->localip ? s->peer->localip : 0,
                      .secured = s->tls};
  char *response = initial;
  int r;
  /* PLAIN without an initial response: an empty challenge (RFC 4616 2) */
  if (!response && !strcmp(mechanism, "PLAIN") && !respond(s, "", &response))
    return AUTH_CONT;
  r = auth_begin(a, mechanism, &facts, response, answer, io_after(AUTH_MS));
  while (r == AUTH_CONT) {
    if (!respond(s, answer->challenge, &response)) return AUTH_CONT;
    r = auth_continue(a, response, answer, io_after(AUTH_MS));
  }
  return r;
}

static void failed(session *s)
{
  log_info("%s: authentication failed ip=%s", s->id, s->peer->ip);
  s->errors++;
  if (++s->auth_failures >= AUTH_FAILURES)
    hang_up(s, "421 4.7.0 Too many failed attempts");
  else
    say(s, "535 5.7.8 Authentication failed");
}

static void login(session *s, char const *mechanism, char *initial)
{
  static auth_client a;
  static auth_answer answer;
  int r = AUTH_TEMP;
  if (auth_open(&a, s->o->auth_socket, io_after(AUTH_MS)) > 0) {
    r = exchange(s, &a, mechanism, initial, &answer);
    auth_close(&a);
  }
  if (r == AUTH_OK) {
    memcpy(s->user, answer.user, sizeof s->user);
    log_info("%s: authenticated user=%s ip=%s", s->id, s->user, s->peer->ip);
    say(s, "235 2.7.0 Welcome");
  } else if (r == AUTH_NO) {
    failed(s);
  } else if (r == AUTH_TEMP) {
    log_warnsys("%s: unable to check a password", s->id);
    say(s, "454 4.7.0 Passwords cannot be checked now");
  } /* else the client was told */
  explicit_bzero(&answer, sizeof answer);
}

void cmd_auth(session *s, char *arg)
{
  char const *why = auth_refused(s, arg), *mechanism;
  char *initial = strchr(arg, ' ');
  if (initial) {
    *initial++ = 0;
    initial += strspn(initial, " ");
    if (!strcmp(initial, "=")) *initial = 0;
  }
  mechanism = known(arg);
  if (!why && !mechanism) why = "504 5.5.4 Mechanism unknown";
  if (!why && initial && !base64_valid(initial)) why = "501 5.5.2 Not base64";
  if (why)
    say_error(s, why);
  else
    login(s, mechanism, initial);
}
