#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <skalibs/exec.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "conf.h"
#include "engine.h"
#include "facts.h"
#include "ids.h"
#include "jail.h"
#include "serve.h"
#include "service.h"
#include "server.h"
#include "unix.h"

#define USAGE                                                                  \
  "tls-serve [ -f tls.cdb ] [ -T seconds ] [ -t seconds ] -w " SERVE_USAGE     \
  " | tls-serve [ -i ] [ -u uid:gid ] … prog…"
#define dieusage() strerr_dieusage(100, USAGE)

static service tls = {.handshake_seconds = 30, .idle_seconds = 3600};
static uid_t uid;
static gid_t gid;
static int drop;

/* wait mode: fd 0 is the server that begins TLS */
static int client(serve_peer const *peer, void *data)
{
  char facts[FACTS_MAX], c = 0;
  size_t len;
  relay r;
  int good, net = -1;
  (void)peer;
  (void)data;
  relay_signals();
  close(1);
  service_confine();
  if (unix_recv_fd(0, &c, 1, &net, io_after(SERVICE_REQUEST_MS)) != 1 ||
      c != 'S' || net < 0 || !service_is_stream(net))
    return 100;
  r = service_relay(&tls, net, 0, 0);
  good = server_begin(&r, tls.table.t, facts, &len, service_handshake(&tls));
  if (facts_put(0, facts, len, io_after(SERVICE_REQUEST_MS)) < 0 || good <= 0)
    return 1;
  return relay_run(&r) < 0;
}

static void become(void)
{
  if (drop && ids_drop(uid, gid) < 0) strerr_diefu1sys(111, "drop privileges");
}

/* nowait: fd 0 is the network. What begin sends to control ends with a NUL of
   its own; without a word the handshake has failed. */
__attribute__((noreturn)) static void tunnel(int plain, int control)
{
  char facts[FACTS_MAX + 1];
  size_t len;
  relay r = service_relay(&tls, 0, plain, plain);
  int good;
  close(1);
  service_confine();
  good = server_begin(&r, tls.table.t, facts, &len, service_handshake(&tls));
  if (good <= 0) _exit(1);
  if (control >= 0) {
    facts[len] = 0;
    if (io_write(control, facts, len + 1, io_after(SERVICE_REQUEST_MS)) < 0)
      _exit(111);
    close(control);
  }
  _exit(relay_run(&r) < 0);
}

static void pair(int *p)
{
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) < 0)
    strerr_diefu1sys(111, "create socketpair");
}

static int start(int *plain, int *control)
{
  pid_t pid;
  pair(plain);
  pair(control);
  pid = fork();
  if (pid < 0) strerr_diefu1sys(111, "fork");
  close(plain[pid ? 1 : 0]);
  close(control[pid ? 1 : 0]);
  if (pid) return 1;
  relay_signals();
  become();
  return 0;
}

/* The parent becomes the program, the child keeps TLS and waits for a word. */
__attribute__((noreturn)) static void ucspi(char const *const *argv)
{
  char c, number[3][INT_FMT];
  int plain[2], control[2], out;
  if (!start(plain, control)) {
    if (io_read(control[1], &c, 1, IO_FOREVER) != 1) _exit(0);
    if (c != 'y' && c != 'Y') _exit(100);
    if (c == 'y') close(control[1]);
    tunnel(plain[1], c == 'Y' ? control[1] : -1);
  }
  out = dup(plain[0]);
  if (out < 0) strerr_diefu1sys(111, "dup");
  number[0][int_fmt(number[0], control[0])] = 0;
  number[1][int_fmt(number[1], plain[0])] = 0;
  number[2][int_fmt(number[2], out)] = 0;
  if (setenv("SSLCTLFD", number[0], 1) < 0 ||
      setenv("SSLREADFD", number[1], 1) < 0 ||
      setenv("SSLWRITEFD", number[2], 1) < 0)
    strerr_diefu1sys(111, "set environment");
  xexec(argv);
}

/* TLS at once: the program finds plaintext on fd 0 and 1. */
__attribute__((noreturn)) static void immediate(char const *const *argv)
{
  char facts[FACTS_MAX + 2];
  size_t n = 0;
  ssize_t r;
  int plain[2], control[2];
  io_time deadline =
      io_after((int64_t)tls.handshake_seconds * 1000 + SERVICE_REQUEST_MS);
  if (!start(plain, control)) tunnel(plain[1], control[1]);
  while ((r = io_read(control[0], facts + n, sizeof facts - 1 - n, deadline)) >
         0)
    if ((n += (size_t)r) == sizeof facts - 1) break;
  if (r < 0) strerr_diefu1sys(111, "read the facts of the connection");
  if (!n) _exit(1);
  facts[n] = 0;
  for (char *s = facts; *s; s += strlen(s) + 1) {
    char *value = strchr(s, '=');
    if (!value) continue;
    *value = 0;
    if (setenv(s, value + 1, 1) < 0) strerr_diefu1sys(111, "set environment");
    s = value + 1;
  }
  close(control[0]);
  if (dup2(plain[0], 0) < 0 || dup2(plain[0], 1) < 0)
    strerr_diefu1sys(111, "dup");
  if (plain[0] > 1) close(plain[0]);
  xexec(argv);
}

static void tls_uid(void)
{
  char const *u = getenv("TLS_UID"), *g = getenv("TLS_GID");
  if (drop || !u || !g) return;
  if (!uid0_scan(u, &uid) || !gid0_scan(g, &gid))
    strerr_dief1x(100, "TLS_UID and TLS_GID must be numbers");
  drop = 1;
}

int main(int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  serve s = SERVE_ZERO;
  int opt, now = 0;
  PROG = "tls-serve";
  jail_secret();
  s.client = client;
  s.refresh = service_refresh;
  s.data = &tls;
  while ((opt = subgetopt_r(argc, argv, "iu:" SERVICE_OPTIONS SERVE_OPTIONS,
                            &l)) != -1) {
    switch (opt) {
    case 'i': now = 1; break;
    case 'u':
      drop = 1;
      if (!ids_pair(l.arg, &uid, &gid))
        strerr_dief2x(100, "no such user: ", l.arg);
      break;
    default:
      if (!service_option(&tls, opt, l.arg) && !serve_option(&s, opt, l.arg))
        dieusage();
    }
  }
  argc -= l.ind;
  argv += l.ind;
  if (!tls.table.path) tls.table.path = conf_table("tls.cdb");
  if (s.wait ? argc || now : !argc) dieusage();
  if (watched_open(&tls.table) < 0)
    strerr_diefu2sys(111, "open ", tls.table.path);
  engine_prepare();
  if (s.wait) {
    service_confine_parent(&tls, 0);
    return serve_run(&s);
  }
  tls_uid();
  unsetenv("TLS_UID");
  unsetenv("TLS_GID");
  if (now) immediate(argv);
  ucspi(argv);
}
