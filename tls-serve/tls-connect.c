#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "client.h"
#include "conf.h"
#include "dial.h"
#include "engine.h"
#include "facts.h"
#include "jail.h"
#include "log.h"
#include "serve.h"
#include "unix.h"
#include "watched.h"

#define USAGE                                                                  \
  "tls-connect [ -f trust.cdb ] [ -T seconds ] [ -t seconds ] -w " SERVE_USAGE \
  " | tls-connect [ -pv ] [ -n name ] … host port"
#define dieusage() strerr_dieusage(100, USAGE)

#define REQUEST_MS 10000
#define OPTIONS_MAX 600 /* bytes of a request's options */

static watched trust;
static unsigned handshake_seconds = 60, idle_seconds = 3600;

static void reopen(void *data)
{
  (void)data;
  watched_open(&trust);
}

static void confine(void)
{
  jail_path const none[] = {{0, 0}};
  jail const j = {none, 0, 0};
  if (jail_enter(&j) < 0) strerr_diefu1sys(111, "enter the jail");
}

static void confine_parent(void)
{
  char dir[CONF_PATH_MAX];
  jail_path const paths[] = {{dir, 0}, {0, 0}};
  jail const j = {paths, JAIL_FORK, 0};
  watched_directory(&trust, dir, sizeof dir);
  if (jail_enter(&j) < 0) strerr_diefu1sys(111, "enter the jail");
}

static relay make_relay(int net, int in, int out)
{
  int one = 1;
  setsockopt(net, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return (relay){.net = net,
                 .in = in,
                 .out = out,
                 .idle_ms = (int64_t)idle_seconds * 1000};
}

static io_time handshake_deadline(void)
{
  return io_after((int64_t)handshake_seconds * 1000);
}

/* 'C' with the fd, then a netstring of options into s[0..OPTIONS_MAX): 1 or
   0 */
static int request(int *net, char *s, size_t *len)
{
  io_time deadline = io_after(REQUEST_MS);
  char in[OPTIONS_MAX + 8], *colon;
  size_t n = 0, want = 0;
  for (;;) {
    ssize_t r = unix_recv_fd(0, in + n, sizeof in - n, net, deadline);
    if (r <= 0) return 0;
    n += (size_t)r;
    if (*in != 'C') return 0;
    colon = memchr(in, ':', n);
    if (!colon && n > 5) return 0;
    if (!colon) continue;
    want = 0;
    for (char *p = in + 1; p < colon; p++) {
      if (*p < '0' || *p > '9') return 0;
      want = want * 10 + (size_t)(*p - '0');
    }
    if (colon == in + 1 || want > OPTIONS_MAX) return 0;
    if (n >= (size_t)(colon - in) + want + 2) break;
    if (n == sizeof in) return 0;
  }
  /* nothing may follow: plaintext begins after our answer */
  if (n != (size_t)(colon - in) + want + 2 || colon[1 + want] != ',') return 0;
  if (!want || colon[want]) return 0; /* every option ends with a NUL */
  memcpy(s, colon + 1, want);
  *len = want;
  return 1;
}

static void read_options(client_options *o, char const *s, size_t len)
{
  for (char const *end = s + len; s < end; s += strlen(s) + 1) {
    if (!strncmp(s, "host=", 5)) o->host = s + 5;
    if (!strncmp(s, "sni=", 4) && s[4]) o->sni = s + 4;
    if (!strcmp(s, "verify=pkix")) o->required = 1;
  }
}

static int is_stream(int fd)
{
  int type;
  socklen_t n = sizeof type;
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 &&
         type == SOCK_STREAM;
}

/* wait mode: fd 0 is the client that begins TLS */
static int client(serve_peer const *peer, void *data)
{
  char facts[FACTS_MAX], s[OPTIONS_MAX];
  client_options o = {.host = "", .trust = trust.t};
  size_t len;
  relay r;
  int good, net = -1;
  (void)peer;
  (void)data;
  relay_signals();
  close(1);
  confine();
  if (!request(&net, s, &len) || net < 0 || !is_stream(net)) return 100;
  read_options(&o, s, len);
  r = make_relay(net, 0, 0);
  good = client_begin(&r, &o, facts, &len, handshake_deadline());
  if (facts_put(0, facts, len, io_after(REQUEST_MS)) < 0 || good <= 0) return 1;
  return relay_run(&r) < 0;
}

static void report(char const *facts, size_t len)
{
  for (char const *s = facts; s < facts + len; s += strlen(s) + 1)
    log_info("%s", s);
}

static int is_address(char const *host)
{
  struct in6_addr a;
  return inet_pton(AF_INET, host, &a) || inet_pton(AF_INET6, host, &a);
}

/* For people: plaintext on stdin and stdout. */
static int connect_to(char const *host, char const *port, char const *name,
                      int required, int verbose)
{
  char facts[FACTS_MAX];
  client_options o = {.host = name, .trust = trust.t, .required = required};
  size_t len;
  relay r;
  int good, net = dial(host, port, handshake_deadline());
  if (net < 0) strerr_diefu4sys(111, "connect to ", host, " port ", port);
  signal(SIGPIPE, SIG_IGN);
  confine();
  if (!is_address(name)) o.sni = name;
  r = make_relay(net, 0, 1);
  r.stay = 1;
  good = client_begin(&r, &o, facts, &len, handshake_deadline());
  if (verbose || good <= 0) report(facts, len);
  if (good < 0 && errno == ETIMEDOUT) strerr_dief1x(99, "timed out");
  if (good <= 0) strerr_dief1x(1, "the TLS handshake failed");
  good = relay_run(&r);
  if (good < 0 && errno == ETIMEDOUT) strerr_dief1x(99, "timed out");
  if (good < 0) strerr_dief1sys(111, "the connection broke");
  if (good == 0) strerr_dief1x(1, "the peer closed without close_notify");
  return 0;
}

static void seconds(char const *arg, unsigned *n)
{
  if (!uint0_scan(arg, n) || !*n || *n > 86400 * 7) dieusage();
}

int main(int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  serve s = SERVE_ZERO;
  char const *name = 0;
  int opt, required = 0, verbose = 0;
  PROG = "tls-connect";
  jail_secret();
  s.client = client;
  s.refresh = reopen;
  while ((opt = subgetopt_r(argc, argv, "f:T:t:pvn:" SERVE_OPTIONS, &l)) !=
         -1) {
    switch (opt) {
    case 'f': trust.path = l.arg; break;
    case 'T': seconds(l.arg, &handshake_seconds); break;
    case 't': seconds(l.arg, &idle_seconds); break;
    case 'p': required = 1; break;
    case 'v': verbose = 1; break;
    case 'n': name = l.arg; break;
    default:
      if (!serve_option(&s, opt, l.arg)) dieusage();
    }
  }
  argc -= l.ind;
  argv += l.ind;
  if (argc != (s.wait ? 0 : 2)) dieusage();
  if (!trust.path) trust.path = conf_table("trust.cdb");
  watched_open(&trust); /* without it no certificate is valid, that is all */
  if (required && !trust.t) strerr_diefu2sys(111, "open ", trust.path);
  engine_prepare();
  if (!s.wait)
    return connect_to(argv[0], argv[1], name ? name : argv[0], required,
                      verbose);
  confine_parent();
  return serve_run(&s);
}
