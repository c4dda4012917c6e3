#include <errno.h>
#include <signal.h>
#include <stdio.h>
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
#include "own.h"
#include "rules.h"
#include "serve.h"
#include "service.h"
#include "unix.h"
#include "watched.h"

#define USAGE                                                                  \
  "tls-connect [ -f trust.cdb ] [ -k tls-out.cdb ] [ -T seconds ] "            \
  "[ -t seconds ] -w " SERVE_USAGE                                             \
  " | tls-connect [ -pv ] [ -n name ] [ -o option ] … host port"
#define dieusage() strerr_dieusage(100, USAGE)

static service tls = {.handshake_seconds = 60, .idle_seconds = 3600};
static watched ours; /* tls-out.cdb */

static void refresh(void *data)
{
  (void)data;
  watched_open(&tls.table);
  watched_open(&ours);
}

/* client_begin() with what the rules say is ours: 1, 0 or -1 as that, -2 if we
   do not have it */
static int begin(relay *r, rules const *o, char *facts, size_t *len)
{
  static own mine;
  trust const all = {tls.table.t, "", 0};
  if (o->own && own_find(&mine, ours.t, o->own) <= 0) {
    log_warn("%s in %s: %s", o->own, ours.path,
             errno ? strerror(errno) : "there is none");
    return -2;
  }
  return client_begin(r, o, &all, o->own ? &mine : 0, facts, len,
                      service_handshake(&tls));
}

/* 'C' with the fd, then a netstring of options, which end at s + len: 1 or
   0 */
static int request(int *net, char **s, size_t *len)
{
  static char in[RULES_BYTES + 8];
  io_time deadline = io_after(SERVICE_REQUEST_MS);
  char *colon;
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
    if (colon == in + 1 || want > RULES_BYTES) return 0;
    if (n >= (size_t)(colon - in) + want + 2) break;
    if (n == sizeof in) return 0;
  }
  /* nothing may follow: plaintext begins after our answer */
  if (n != (size_t)(colon - in) + want + 2 || colon[1 + want] != ',') return 0;
  if (!want || colon[want]) return 0; /* every option ends with a NUL */
  *s = colon + 1;
  *len = want;
  return 1;
}

/* 1, or 0 for one that cannot be obeyed: then nothing is begun. */
static int read_options(rules *r, char *s, size_t len)
{
  for (char *end = s + len, *next; s < end; s = next) {
    next = s + strlen(s) + 1; /* before s is decoded in place */
    if (!rules_add(r, s)) return 0;
  }
  return rules_check(r);
}

/* wait mode: fd 0 is the client that begins TLS */
static int client(serve_peer const *peer, void *data)
{
  static rules o;
  char facts[FACTS_MAX], *s;
  size_t len;
  relay r;
  int good, net = -1;
  (void)peer;
  (void)data;
  relay_signals();
  close(1);
  service_confine();
  if (!request(&net, &s, &len) || net < 0 || !service_is_stream(net))
    return 100;
  if (!read_options(&o, s, len)) {
    log_warn("a client asks for what cannot be verified");
    return 100;
  }
  r = service_relay(&tls, net, 0, 0);
  good = begin(&r, &o, facts, &len);
  if (good == -2) return 100;
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
static int connect_to(char const *host, char const *port, rules const *o,
                      int verbose)
{
  char facts[FACTS_MAX];
  size_t len;
  relay r;
  int good, net = dial(host, port, service_handshake(&tls));
  if (net < 0) strerr_diefu4sys(111, "connect to ", host, " port ", port);
  signal(SIGPIPE, SIG_IGN);
  service_confine();
  r = service_relay(&tls, net, 0, 1);
  r.stay = 1;
  good = begin(&r, o, facts, &len);
  if (good == -2) strerr_dief2x(102, "no such name in ", ours.path);
  if (verbose || good <= 0) report(facts, len);
  if (good < 0 && errno == ETIMEDOUT) strerr_dief1x(99, "timed out");
  if (good <= 0) strerr_dief1x(1, "the TLS handshake failed");
  good = relay_run(&r);
  if (good < 0 && errno == ETIMEDOUT) strerr_dief1x(99, "timed out");
  if (good < 0) strerr_dief1sys(111, "the connection broke");
  if (good == 0) strerr_dief1x(1, "the peer closed without close_notify");
  return 0;
}

static void given(rules *o, char const *prefix, char const *value)
{
  char *s;
  if (asprintf(&s, "%s%s", prefix, value) < 0)
    strerr_diefu1sys(111, "allocate memory");
  if (!rules_add(o, s)) strerr_dief2x(100, "not an option: ", value);
}

int main(int argc, char const *const *argv)
{
  static rules o;
  subgetopt l = SUBGETOPT_ZERO;
  serve s = SERVE_ZERO;
  int opt, verbose = 0;
  PROG = "tls-connect";
  jail_secret();
  s.client = client;
  s.refresh = refresh;
  while ((opt = subgetopt_r(argc, argv,
                            "pvk:n:o:" SERVICE_OPTIONS SERVE_OPTIONS, &l)) !=
         -1) {
    switch (opt) {
    case 'p': given(&o, "", "verify=pkix"); break;
    case 'v': verbose = 1; break;
    case 'k': ours.path = l.arg; break;
    case 'n': given(&o, "host=", l.arg); break;
    case 'o': given(&o, "", l.arg); break;
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
  if (!ours.path) ours.path = conf_table("tls-out.cdb");
  refresh(0);
  if (o.verify == VERIFY_PKIX && !tls.table.t && !o.own)
    strerr_diefu2sys(111, "open ", tls.table.path);
  engine_prepare();
  if (!s.wait) {
    if (!o.names_n) given(&o, "host=", argv[0]);
    if (!o.sni) given(&o, "sni=", o.names[0]);
    if (!rules_check(&o)) dieusage();
    return connect_to(argv[0], argv[1], &o, verbose);
  }
  service_confine_parent(&tls, ours.path);
  return serve_run(&s);
}
