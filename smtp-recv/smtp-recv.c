#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "conf.h"
#include "date.h"
#include "jail.h"
#include "session.h"

#define USAGE                                                                  \
  "smtp-recv [ -s | -l ] [ -T tls ] [ -i ] [ -A auth ] [ -p ] [ -n size ] "    \
  "[ -r recipients ] [ -e errors ] [ -t seconds ] [ -b seconds ] "             \
  "[ -m seconds ] [ -S stage,... ] [ -E ] [ -I ] [ -M ] [ -R received ] "      \
  "[ -H header ] [ -L line ] [ -q ] [ -g seconds ] [ -y seconds ] [ -v ] [ "   \
  "-B word=n/seconds,... ] [ -k file ] " SERVE_USAGE " " SERVE_DOOR_USAGE      \
  " -o socket | prog..."
#define OPTIONS                                                                \
  "slo:T:iA:pn:r:e:t:b:m:R:H:L:S:EIMqg:y:vB:k:" SERVE_OPTIONS SERVE_DOOR_OPTIONS
#define dieusage() strerr_dieusage(100, USAGE)

#define SIZE_DEFAULT (UINT64_C(32) << 20)
#define RECIPIENTS 1000
#define ERRORS 20
#define COMMAND_S 300 /* RFC 5321 4.5.3.2.7 */
#define BLOCK_S 180   /* 4.5.3.2.5 */
#define MESSAGE_S 3600
#define TARPIT_S 5
#define RECEIVED 100 /* RFC 5321 6.3 */
#define HEADER (1 << 20)

static unsigned number(char const *s)
{
  unsigned n;
  if (!uint0_scan(s, &n) || !n) dieusage();
  return n;
}

/* Seconds, 0 for none, as milliseconds */
static int64_t pause_ms(char const *s)
{
  unsigned n;
  if (!uint0_scan(s, &n) || n > 60) dieusage();
  return (int64_t)n * 1000;
}

/* "connect,sender,rcpt", or some of them */
static unsigned stages(char const *s)
{
  static char const *const words[] = {"connect", "sender", "rcpt"};
  unsigned all = 0;
  for (;;) {
    size_t len = strcspn(s, ",");
    unsigned w = 0;
    while (w < 3 && (len != strlen(words[w]) || memcmp(s, words[w], len))) w++;
    if (w == 3) dieusage();
    all |= 1u << w;
    if (!s[len]) return all;
    s += len + 1;
  }
}

static void option(options *o, serve *s, int opt, char const *arg)
{
  switch (opt) {
  case 's': o->mode = &mode_submission; break;
  case 'l': o->mode = &mode_lmtp; break;
  case 'o': o->socket = arg; break;
  case 'T': o->tls_socket = arg; break;
  case 'i': o->tls_at_once = 1; break;
  case 'A': o->auth_socket = arg; break;
  case 'p': o->auth_in_clear = 1; break;
  case 'n':
    if (!uint640_scan(arg, &o->size) || !o->size) dieusage();
    break;
  case 'r': o->recipients = number(arg); break;
  case 'R': o->received = number(arg); break;
  case 'H': o->header = number(arg); break;
  case 'L': o->line = number(arg); break;
  case 'S': o->stages = stages(arg); break;
  case 'E': o->at_once = 1; break;
  case 'I': o->show_client = 1; break;
  case 'M': o->lenient = 1; break;
  case 'q': o->tls_first = 1; break;
  case 'g': o->greet_ms = pause_ms(arg); break;
  case 'y': o->tarpit_ms = pause_ms(arg); break;
  case 'v': o->show = 1; break;
  case 'B':
    if (!rates_scan(&o->rates, arg)) dieusage();
    o->rates.used = 1;
    break;
  case 'k':
    o->rates.file = arg;
    o->rates.used = 1;
    break;
  case 'e': o->errors = number(arg); break;
  case 't': o->command_ms = (int64_t)number(arg) * 1000; break;
  case 'b': o->block_ms = (int64_t)number(arg) * 1000; break;
  case 'm': o->message_ms = (int64_t)number(arg) * 1000; break;
  default:
    if (!serve_option(s, opt, arg)) dieusage();
  }
}

static void refresh(void *data)
{
  options *o = data;
  fresh_table_get(&o->table); /* a session asks again and says 451 */
}

static int client(serve_peer const *peer, void *data)
{
  return session_run(data, peer);
}

/* What every session would read is read before the first. */
static void preload(options *o)
{
  char date[DATE_MAX];
  date_mail(date, time(0));
  refresh(o);
}

/* Before the first client of wait mode, for all of them: a session opens tables
   and connects to sockets. One that must start a pipeline cannot be held. */
static void confine(options const *o, serve const *s)
{
  char tables[CONF_PATH_MAX];
  jail_path const paths[] = {{tables, 0}, {0, 0}};
  jail const j = {.paths = paths, .flags = JAIL_NET | JAIL_FORK};
  if (!s->wait || o->prog) return;
  snprintf(tables, sizeof tables, "%s", conf_table(""));
  if (jail_enter(&j) < 0) strerr_diefu1sys(111, "enter the jail");
}

int main(int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  options o = {.mode = &mode_smtp,
               .me = conf_me(),
               .size = SIZE_DEFAULT,
               .recipients = RECIPIENTS,
               .received = RECEIVED,
               .header = HEADER,
               .errors = ERRORS,
               .tarpit_ms = TARPIT_S * 1000,
               .rates = {.messages = {RATES_MESSAGES, RATES_DAY},
                         .recipients = {RATES_RECIPIENTS, RATES_DAY},
                         .first = {RATES_FIRST, RATES_DAY}},
               .command_ms = COMMAND_S * 1000,
               .block_ms = BLOCK_S * 1000,
               .message_ms = MESSAGE_S * 1000};
  serve s = SERVE_ZERO;
  char path[CONF_PATH_MAX];
  int code;
  PROG = "smtp-recv";
  for (int opt; (opt = subgetopt_r(argc, argv, OPTIONS, &l)) != -1;)
    option(&o, &s, opt, l.arg);
  argc -= l.ind;
  argv += l.ind;
  if (!o.socket == !argc) dieusage();
  if (argc) o.prog = argv;
  if (o.tls_at_once && !tls_available(o.tls_socket))
    strerr_dief1x(100, "-i needs -T or UCSPI-TLS");
  if (o.tls_first && !o.tls_at_once && !tls_available(o.tls_socket))
    strerr_dief1x(100, "-q needs -T or UCSPI-TLS");
  if (rates_open(&o.rates) < 0)
    strerr_diefu2sys(111, "open ", o.rates.file ? o.rates.file : "memory");
  snprintf(path, sizeof path, "%s", conf_table("mail.cdb"));
  o.table.path = path;
  if (!s.wait) o.tls_outside = getenv("SSL_PROTOCOL");
  /* A user's process is for that user; a stranger's may take the next of the
     same address. */
  s.again = o.mode == &mode_smtp && !o.auth_socket && o.socket;
  o.again = &s.again;
  s.data = &o;
  s.refresh = refresh;
  s.client = client;
  if (!o.tls_at_once) {
    s.refusal = "421 4.3.2 Too many connections\r\n";
    s.too_fast = "421 4.7.0 Too many connections, try again later\r\n";
  }
  preload(&o);
  confine(&o, &s);
  code = serve_run(&s);
  table_close(o.table.t);
  return code;
}
