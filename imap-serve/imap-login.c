#include <stdlib.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "conf.h"
#include "jail.h"
#include "login.h"
#include "tls.h"

#define USAGE                                                                  \
  "imap-login [ -i ] [ -p ] [ -T tls ] [ -A auth ] [ -I imap ] "               \
  "[ -t seconds ] [ -m seconds ] [ -y seconds ] [ -f failures ] "              \
  "[ -e errors ] " SERVE_USAGE " " SERVE_DOOR_USAGE
#define dieusage() strerr_dieusage(100, USAGE)

#define IDLE_S 60
#define WHOLE_S 180
#define DELAY_S 2
#define FAILURES 3
#define ERRORS 10

static unsigned number(char const *s, unsigned least)
{
  unsigned n;
  if (!uint0_scan(s, &n) || n < least || n > 1000000) dieusage();
  return n;
}

static void option(login_options *o, serve *s, int opt, char const *arg)
{
  switch (opt) {
  case 'i': o->tls_at_once = 1; break;
  case 'p': o->auth_in_clear = 1; break;
  case 'T': o->tls_socket = *arg ? arg : 0; break;
  case 'A': o->auth_socket = arg; break;
  case 'I': o->imap_socket = arg; break;
  case 't': o->idle_ms = (int64_t)number(arg, 1) * 1000; break;
  case 'm': o->whole_ms = (int64_t)number(arg, 1) * 1000; break;
  case 'y': o->delay_ms = (int64_t)number(arg, 0) * 1000; break;
  case 'f': o->failures = number(arg, 1); break;
  case 'e': o->errors = number(arg, 1); break;
  default:
    if (!serve_option(s, opt, arg)) dieusage();
  }
}

static int client(serve_peer const *peer, void *data)
{
  return login_run(data, peer);
}

/* No file; only sockets: those of tls-serve, auth-check and imap-serve. */
static void confine(serve const *s)
{
  static jail_path const nothing[] = {{0}};
  jail const j = {.paths = nothing,
                  .flags = s->wait ? JAIL_NET | JAIL_FORK : JAIL_NET,
                  .memory = (size_t)256 << 20};
  if (jail_enter(&j) < 0) strerr_diefu1sys(111, "enter the jail");
}

/* conf_socket's buffer is one for all. */
static char const *socket_path(char const *name)
{
  static char paths[3][CONF_PATH_MAX];
  static unsigned n;
  char *to = paths[n++], *p = to;
  for (char const *s = conf_socket(name); (*p++ = *s++);)
    ;
  return to;
}

int main(int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  serve s = SERVE_ZERO;
  login_options o = {.idle_ms = IDLE_S * 1000,
                     .whole_ms = WHOLE_S * 1000,
                     .delay_ms = DELAY_S * 1000,
                     .failures = FAILURES,
                     .errors = ERRORS};
  PROG = "imap-login";
  jail_secret();
  o.tls_socket = getenv("SSLCTLFD") ? 0 : socket_path("tls");
  o.auth_socket = socket_path("auth");
  o.imap_socket = socket_path("imap");
  for (int opt;
       (opt = subgetopt_r(argc, argv,
                          "ipT:A:I:t:m:y:f:e:" SERVE_OPTIONS SERVE_DOOR_OPTIONS,
                          &l)) != -1;)
    option(&o, &s, opt, l.arg);
  if (argc != l.ind) dieusage();
  if (o.tls_at_once && !tls_available(o.tls_socket))
    strerr_dief1x(100, "-i needs -T or UCSPI-TLS");
  s.data = &o;
  s.client = client;
  if (!o.tls_at_once) s.refusal = s.too_fast = "* BYE Too many connections\r\n";
  confine(&s);
  return serve_run(&s);
}
