#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
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
#include "service.h"
#include "unix.h"

#define USAGE                                                                  \
  "tls-connect [ -f trust.cdb ] [ -T seconds ] [ -t seconds ] -w " SERVE_USAGE \
  " | tls-connect [ -pv ] [ -n name ] … host port"
#define dieusage() strerr_dieusage(100, USAGE)

#define OPTIONS_MAX 600 /* bytes of a request's options */

static service tls = {.handshake_seconds = 60, .idle_seconds = 3600};

/* 'C' with the fd, then a netstring of options into s[0..OPTIONS_MAX): 1 or
   0 */
static int request(int *net, char *s, size_t *len)
{
  io_time deadline = io_after(SERVICE_REQUEST_MS);
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

/* An address is no name to ask for (RFC 6066 3). */
static void ask_for(client_options *o, char const *name)
{
  struct in6_addr a;
  if (*name && !inet_pton(AF_INET, name, &a) && !inet_pton(AF_INET6, name, &a))
    o->sni = name;
}

static void read_options(client_options *o, char const *s, size_t len)
{
  for (char const *end = s + len; s < end; s += strlen(s) + 1) {
    if (!strncmp(s, "host=", 5)) o->host = s + 5;
    if (!strncmp(s, "sni=", 4)) ask_for(o, s + 4);
    if (!strcmp(s, "verify=pkix")) o->required = 1;
  }
}

/* wait mode: fd 0 is the client that begins TLS */
static int client(serve_peer const *peer, void *data)
{
  char facts[FACTS_MAX], s[OPTIONS_MAX];
  client_options o = {.host = "", .trust = tls.table.t};
  size_t len;
  relay r;
  int good, net = -1;
  (void)peer;
  (void)data;
  relay_signals();
  close(1);
  service_confine();
  if (!request(&net, s, &len) || net < 0 || !service_is_stream(net)) return 100;
  read_options(&o, s, len);
  r = service_relay(&tls, net, 0, 0);
  good = client_begin(&r, &o, facts, &len, service_handshake(&tls));
  if (facts_put(0, facts, len, io_after(SERVICE_REQUEST_MS)) < 0 || good <= 0)
    return 1;
  return relay_run(&r) < 0;
}

static void report(char const *facts, size_t len)
{
  for (char const *s = facts; s < facts + len; s += strlen(s) + 1)
    log_info("%s", s);
}

/* For people: plaintext on stdin and stdout. */
static int connect_to(char const *host, char const *port, char const *name,
                      int required, int verbose)
{
  char facts[FACTS_MAX];
  client_options o = {.host = name, .trust = tls.table.t, .required = required};
  size_t len;
  relay r;
  int good, net = dial(host, port, service_handshake(&tls));
  if (net < 0) strerr_diefu4sys(111, "connect to ", host, " port ", port);
  signal(SIGPIPE, SIG_IGN);
  service_confine();
  ask_for(&o, name);
  r = service_relay(&tls, net, 0, 1);
  r.stay = 1;
  good = client_begin(&r, &o, facts, &len, service_handshake(&tls));
  if (verbose || good <= 0) report(facts, len);
  if (good < 0 && errno == ETIMEDOUT) strerr_dief1x(99, "timed out");
  if (good <= 0) strerr_dief1x(1, "the TLS handshake failed");
  good = relay_run(&r);
  if (good < 0 && errno == ETIMEDOUT) strerr_dief1x(99, "timed out");
  if (good < 0) strerr_dief1sys(111, "the connection broke");
  if (good == 0) strerr_dief1x(1, "the peer closed without close_notify");
  return 0;
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
  s.refresh = service_refresh;
  s.data = &tls;
  while ((opt = subgetopt_r(argc, argv, "pvn:" SERVICE_OPTIONS SERVE_OPTIONS,
                            &l)) != -1) {
    switch (opt) {
    case 'p': required = 1; break;
    case 'v': verbose = 1; break;
    case 'n': name = l.arg; break;
    default:
      if (!service_option(&tls, opt, l.arg) && !serve_option(&s, opt, l.arg))
        dieusage();
    }
  }
  argc -= l.ind;
  argv += l.ind;
  if (argc != (s.wait ? 0 : 2)) dieusage();
  if (!tls.table.path) tls.table.path = conf_table("trust.cdb");
  /* without it no certificate is valid, that is all */
  watched_open(&tls.table);
  if (required && !tls.table.t) strerr_diefu2sys(111, "open ", tls.table.path);
  engine_prepare();
  if (!s.wait)
    return connect_to(argv[0], argv[1], name ? name : argv[0], required,
                      verbose);
  service_confine_parent(&tls);
  return serve_run(&s);
}
