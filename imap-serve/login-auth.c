/* LOGIN and AUTHENTICATE (RFC 3501 6.2.2, 6.2.3; SASL-IR: RFC 4959), asked of
   the auth socket, and the hand-over to imap-serve. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base64.h"
#include "log.h"
#include "login.h"
#include "unix.h"

#define ASK_MS (60 * 1000)

/* Those who guess wait, whatever they send meanwhile. */
static void delay(login *l)
{
  io_time until = io_after(l->o->delay_ms * l->failures);
  if (io_rest(0, until < l->end ? until : l->end) < 0) l->over = 1;
}

static void failed(login *l)
{
  log_info("authentication failed ip=%s", l->peer->ip);
  l->failures++;
  delay(l);
  if (l->over) return;
  login_say(l, "%s NO [AUTHENTICATIONFAILED] Authentication failed",
            l->command.tag);
  if (l->failures >= l->o->failures)
    login_bye(l, "Too many failed attempts", 1);
}

static void unavailable(login *l, char const *what)
{
  log_warnsys("unable to %s", what);
  login_say(l, "%s NO [UNAVAILABLE] Try again later", l->command.tag);
}

static void succeeded(login *l)
{
  int r;
  log_info("login user=%s ip=%s tls=%s", l->answer.user, l->peer->ip,
           l->tls_version);
  r = login_hand_over(l);
  if (r > 0) {
    l->over = 1;
    return;
  }
  unavailable(l, "hand the session over");
  if (r < 0) login_bye(l, "Try again later", 111);
}

static void outcome(login *l, int r)
{
  if (r == AUTH_OK)
    succeeded(l);
  else if (r == AUTH_NO)
    failed(l);
  else if (r == AUTH_TEMP)
    unavailable(l, "check a password");
  /* AUTH_CONT: the client has been told */
}

static int open_auth(login *l)
{
  if (auth_open(&l->auth, l->o->auth_socket, io_after(ASK_MS)) > 0) return 1;
  outcome(l, AUTH_TEMP);
  return 0;
}

static int begin(login *l, char const *mechanism, char const *response)
{
  auth_facts facts = {.service = "imap",
                      .ip = *l->peer->ip ? l->peer->ip : 0,
                      .localip = *l->peer->localip ? l->peer->localip : 0,
                      .secured = l->tls};
  return auth_begin(&l->auth, mechanism, &facts, response, &l->answer,
                    io_after(ASK_MS));
}

static int permitted(login *l)
{
  if (l->tls || l->o->auth_in_clear) return 1;
  l->errors++;
  login_say(l, "%s NO [PRIVACYREQUIRED] TLS first", l->command.tag);
  return 0;
}

/* As SASL PLAIN (RFC 4616): NUL user NUL password */
void login_login(login *l)
{
  login_command *c = &l->command;
  char plain[2 * LOGIN_LITERAL + 2];
  stralloc b = STRALLOC_ZERO;
  size_t user, password;
  int r = AUTH_TEMP;
  if (!permitted(l)) return;
  user = strlen(c->args[0]);
  password = strlen(c->args[1]);
  if (user > LOGIN_LITERAL || password > LOGIN_LITERAL) {
    outcome(l, AUTH_NO);
    return;
  }
  if (!open_auth(l)) return;
  plain[0] = 0;
  memcpy(plain + 1, c->args[0], user + 1);
  memcpy(plain + user + 2, c->args[1], password);
  if (base64_encode(&b, plain, user + password + 2) > 0 && stralloc_0(&b))
    r = begin(l, "PLAIN", b.s);
  explicit_bzero(plain, sizeof plain);
  if (b.s) explicit_bzero(b.s, b.a);
  stralloc_free(&b);
  login_wipe(l);
  outcome(l, r);
  auth_close(&l->auth);
}

/* The client's answer to a challenge: 1, or 0 and it was told why not. */
static int respond(login *l, char const *challenge, char **response)
{
  int r;
  login_say(l, "+ %s", challenge);
  if (l->over) return 0;
  r = login_line(l, response);
  if (r < 0) return 0;
  if (r && base64_valid(*response)) return 1;
  l->errors++;
  login_say(l, "%s BAD %s", l->command.tag,
            r && !strcmp(*response, "*") ? "Cancelled" : "Not base64");
  return 0;
}

static int exchange(login *l, char const *mechanism, char *response)
{
  int r;
  /* PLAIN without an initial response: an empty challenge (RFC 4616 2) */
  if (!response && !strcmp(mechanism, "PLAIN") && !respond(l, "", &response))
    return AUTH_CONT;
  r = begin(l, mechanism, response);
  while (r == AUTH_CONT) {
    if (!respond(l, l->answer.challenge, &response)) return AUTH_CONT;
    r = auth_continue(&l->auth, response, &l->answer, io_after(ASK_MS));
  }
  return r;
}

void login_authenticate(login *l)
{
  login_command *c = &l->command;
  char *initial = c->n > 1 ? c->args[1] : 0;
  char const *mechanism = !strcasecmp(c->args[0], "PLAIN")   ? "PLAIN"
                          : !strcasecmp(c->args[0], "LOGIN") ? "LOGIN"
                                                             : 0;
  int r;
  if (initial && !strcmp(initial, "=")) *initial = 0; /* RFC 4959 3 */
  if (!mechanism) {
    l->errors++;
    login_say(l, "%s NO [CANNOT] Mechanism unknown", c->tag);
  } else if (initial && !base64_valid(initial)) {
    l->errors++;
    login_say(l, "%s BAD Not base64", c->tag);
  } else if (permitted(l) && open_auth(l)) {
    r = exchange(l, mechanism, initial);
    login_wipe(l);
    outcome(l, r);
    auth_close(&l->auth);
  }
}

static size_t facts(login *l, char *to, size_t size)
{
  int n = snprintf(to, size,
                   "tag=%s%ccmd=%s%cpid=%u%cid=%u%ccookie=%s%cip=%s%cport=%u%c"
                   "tls=%s%c",
                   l->command.tag, 0, l->command.name, 0, l->auth.pid, 0,
                   l->auth.id, 0, l->auth.cookie, 0, l->peer->ip, 0,
                   l->peer->port, 0, l->tls_version, 0);
  return n < 0 || (size_t)n >= size ? 0 : (size_t)n;
}

/* fd 0 is both ways of the client, or one of two pipes. In the jail there is no
   fstat: C libraries make it from a call that names files. */
static int is_socket(void)
{
  int type;
  socklen_t n = sizeof type;
  return getsockopt(0, SOL_SOCKET, SO_TYPE, &type, &n) == 0;
}

/* Sends the message with fd: 1 taken, 0 refused, -1 nobody knows. */
static int offer(login *l, char const *message, size_t n, int fd,
                 io_time deadline)
{
  char answer = 0;
  int r, sock = unix_connect(l->o->imap_socket, deadline);
  if (sock < 0) return 0;
  r = unix_send_fd(sock, message, n, fd, deadline);
  /* once it has our client, only its word says whether it speaks with it */
  if (r > 0) r = (int)io_read(sock, &answer, 1, deadline);
  close(sock);
  if (r > 0 && answer == 'K') return 1;
  if (r < 0 && errno == ETIMEDOUT) return -1;
  if (r >= 0) errno = ECONNREFUSED;
  return 0;
}

static int pass(login *l, char const *message, size_t n, io_time deadline)
{
  int pair[2], r;
  if (is_socket()) return offer(l, message, n, 0, deadline);
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) return 0;
  r = offer(l, message, n, pair[1], deadline);
  close(pair[1]);
  if (r > 0) login_relay(pair[0]);
  close(pair[0]);
  return r;
}

int login_hand_over(login *l)
{
  static char message[LOGIN_LINE + 1024];
  char f[512];
  size_t n = facts(l, f, sizeof f), pending = line_pending(&l->in), at;
  io_time deadline = io_after(ASK_MS);
  int r;
  if (!n) return errno = EMSGSIZE, 0;
  at = (size_t)snprintf(message, sizeof message, "%zu:", n);
  memcpy(message + at, f, n);
  at += n;
  at += (size_t)snprintf(message + at, sizeof message - at, ",%zu:", pending);
  memcpy(message + at, l->in.buf + l->in.pos, pending);
  at += pending;
  message[at++] = ',';
  r = pass(l, message, at, deadline);
  explicit_bzero(message, at);
  return r;
}
