#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "conf.h"
#include "jail.h"
#include "serve.h"
#include "parcels.h"

#define USAGE                                                                  \
  "smtp-send " SERVE_USAGE                                                     \
  " [ -4 ] [ -p port ] [ -h name ] [ -b ip ] [ -s host:port ] "                \
  "[ -t socket ] [ -S socket ] [ -f policies.cdb ] [ -L word,… ] "           \
  "[ -i seconds ] [ -m messages ] [ -T what=seconds,… ] [ -v ]"
#define dieusage() strerr_dieusage(100, USAGE)

#define IDLE_S 5
#define MESSAGES 100
#define MEMORY (256u << 20) /* a letter is held up to 256 KiB, and composed */

typedef struct options {
  deliverer d;
  unsigned idle;
} options;

static unsigned number(char const *s)
{
  unsigned n;
  if (!uint0_scan(s, &n) || n > 86400) dieusage();
  return n;
}

/* "helo=60,mail=60" */
static void limit(limits *l, char *s)
{
  static struct {
    char const *name;
    size_t at;
  } const known[] = {{"connect", offsetof(limits, connect)},
                     {"greeting", offsetof(limits, greeting)},
                     {"helo", offsetof(limits, helo)},
                     {"mail", offsetof(limits, mail)},
                     {"rcpt", offsetof(limits, rcpt)},
                     {"data", offsetof(limits, data)},
                     {"block", offsetof(limits, block)},
                     {"dot", offsetof(limits, dot)},
                     {"tls", offsetof(limits, tls)},
                     {"all", offsetof(limits, all)}};
  for (char *save, *word = strtok_r(s, ",", &save); word;
       word = strtok_r(0, ",", &save)) {
    char *value = strchr(word, '=');
    size_t i = 0, n = sizeof known / sizeof *known;
    if (!value) dieusage();
    *value++ = 0;
    while (i < n && strcmp(known[i].name, word)) i++;
    if (i == n) dieusage();
    *(unsigned *)((char *)l + known[i].at) = number(value);
  }
}

static int client(serve_peer const *peer, void *data)
{
  options *o = data;
  (void)peer;
  o->d.session.limits = &o->d.limits;
  return parcels_run(&o->d, (int)o->idle * 1000);
}

static void option(options *o, serve *s, int opt, char const *arg)
{
  if (serve_option(s, opt, arg)) return;
  switch (opt) {
  case '4': o->d.only4 = 1; break;
  case 'p': o->d.port = arg; break;
  case 'h':
    if (!source_rule_add(&o->d.helo, (char *)arg)) dieusage();
    break;
  case 'b':
    if (!source_address_add(o->d.ip, (char *)arg))
      strerr_dief2x(100, "-b needs an address, not ", arg);
    break;
  case 's': o->d.route = arg; break;
  case 't': o->d.session.tls_socket = *arg ? arg : 0; break;
  case 'S': o->d.policy.sts_socket = *arg ? arg : 0; break;
  case 'f': o->d.policy.table.path = *arg ? arg : 0; break;
  case 'L':
    if (tls_policy_words(&o->d.policy.all, arg, strlen(arg)) <= 0) dieusage();
    break;
  case 'i': o->idle = number(arg); break;
  case 'm': o->d.most = number(arg); break;
  case 'v': o->d.show = 1; break;
  case 'T': limit(&o->d.limits, (char *)arg); break;
  default: dieusage();
  }
}

int main(int argc, char const *const *argv)
{
  static char tables[CONF_PATH_MAX], secrets[CONF_PATH_MAX];
  static jail_path const paths[] = {{"/etc", 0},  {"/run/systemd/resolve", 0},
                                    {"/tmp", 1},  {tables, 0},
                                    {secrets, 0}, {0}};
  static jail const walls = {
      .paths = paths, .flags = JAIL_NET | JAIL_FORK, .memory = MEMORY};
  static options o = {.d = {.limits = LIMITS_DEFAULT,
                            .port = "25",
                            .most = MESSAGES,
                            .policy = POLICY_ZERO},
                      .idle = IDLE_S};
  serve s = SERVE_ZERO;
  subgetopt g = SUBGETOPT_ZERO;
  int opt;
  PROG = "smtp-send";
  jail_secret();
  o.d.session.fd = -1;
  o.d.session.policy = "none";
  o.d.session.tls_socket = conf_socket("tls-out");
  o.d.policy.sts_socket = conf_asked("sts");
  o.d.policy.table.path = conf_table("policies.cdb");
  o.d.relays.path = conf_secrets("relays.cdb");
  while ((opt = subgetopt_r(
              argc, argv, SERVE_OPTIONS "4p:h:b:s:t:S:f:L:i:m:vT:", &g)) != -1)
    option(&o, &s, opt, g.arg);
  if (argc != g.ind) dieusage();
  o.d.helo.v[o.d.helo.n++] = (source_rule){0, conf_me()};
  number(o.d.port);
  signal(SIGPIPE, SIG_IGN);
  if (o.d.policy.table.path)
    conf_directory(o.d.policy.table.path, tables, sizeof tables);
  conf_directory(o.d.relays.path, secrets, sizeof secrets);
  if (jail_enter(&walls) < 0) strerr_diefu1sys(111, "enter the jail");
  s.client = client;
  s.data = &o;
  return serve_run(&s);
}
