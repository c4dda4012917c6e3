#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "command.h"
#include "conf.h"
#include "imap-serve/deliver-facts.h"
#include "log.h"
#include "serve.h"
#include "sink.h"

#define USAGE "pipe-run [ -t seconds ] " SERVE_USAGE " prog…"
#define dieusage() strerr_dieusage(100, USAGE)

#define SECONDS 240
#define SECONDS_MAX 1500 /* less than queue-run waits */

typedef struct pipe_run {
  command command;
  stralloc env;
} pipe_run;

/* qmail-command(8) and sysexits(3): what is no use to repeat. */
static int is_final(int code)
{
  static int const codes[] = {100, 112, 64, 65, 67, 68, 70, 76, 77, 78};
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
    if (codes[i] == code) return 1;
  return 0;
}

static int feed(char const *s, size_t n, void *data)
{
  return command_feed(data, s, n);
}

/* The exit code; -1: it was killed, or could not be started, which is logged */
static int run(pipe_run *x, sink *s, envelope_to const *to, sink_facts const *f)
{
  compose_trace const t = {f->by, to->from ? to->from : f->from, to->address};
  int r;
  if (deliver_facts(&x->env, s, to) < 0 ||
      command_start(&x->command, &x->env) < 0) {
    log_warnsys("%s unable to run %s", s->id, *x->command.argv);
    return -1;
  }
  r = compose_write(&s->message, &t, feed, &x->command);
  if (r == 1)
    r = command_end(&x->command);
  else {
    command_kill(&x->command);
    r = -1;
  }
  log_info("%s to=<%s> %s: %d", s->id, to->address, *x->command.argv, r);
  return r;
}

/* Its first line is what it has to say. */
static int answer(pipe_run const *x, int code, char *text)
{
  stralloc const *o = &x->command.output;
  char said[PARCEL_REPLY];
  size_t n = 0;
  while (code >= 0 && n < o->len && o->s[n] != '\n' && o->s[n]) n++;
  if (!parcel_clean(said, sizeof said, o->s, n))
    strcpy(said, code == 0  ? "Delivered"
                 : code < 0 ? "The program failed"
                            : "The program says no");
  snprintf(text, PARCEL_REPLY, "%s %.*s",
           code == 0        ? "2.0.0"
           : code == 67     ? "5.1.1"
           : is_final(code) ? "5.3.0"
                            : "4.3.0",
           PARCEL_REPLY - 10, said);
  return code == 0 ? 250 : is_final(code) ? 550 : 451;
}

static void begin(sink *s)
{
  s->message.message.dir = conf_tmp();
}

static void recipient(sink *s, envelope_to const *to)
{
  (void)s;
  (void)to;
}

/* Several recipients have a report each; the parcel's is then the worst. */
static int end(sink *s)
{
  envelope_walk w = {.s = s->head.s, .len = s->head.len};
  parcel_record r;
  sink_facts f;
  int code = 0, worst = 0;
  char text[PARCEL_REPLY], all[PARCEL_REPLY] = "";
  if (sink_facts_get(s, &f) < 0)
    return sink_report(s, 'R', 0, 451, "4.3.0 Bad records");
  while (envelope_next(&w, &r) > 0) {
    envelope_to to;
    if (r.type != PARCEL_TO || envelope_recipient(&to, &r) < 0) continue;
    if (!sink_judged(s, to.number, &code, text))
      code = answer(s->data, run(s->data, s, &to, &f), text);
    if (s->recipients > 1 && sink_report(s, 'T', to.number, code, text) < 0)
      return envelope_end(&w), -1;
    if (code <= worst) continue;
    worst = code;
    memcpy(all, text, sizeof all);
  }
  return sink_report(s, 'R', 0, worst, all);
}

static int client(serve_peer const *peer, void *data)
{
  sink s = {.out = 1,
            .message = COMPOSE_ZERO,
            .data = data,
            .begin = begin,
            .recipient = recipient,
            .end = end};
  int code;
  (void)peer;
  code = sink_run(&s, 0);
  sink_free(&s);
  return code;
}

/* The program has no more walls than its user, and may become no other. */
static void confine(void)
{
  struct rlimit const none = {0, 0};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
      setrlimit(RLIMIT_CORE, &none) < 0)
    strerr_diefu1sys(111, "enter the jail");
}

int main(int argc, char const *const *argv)
{
  static pipe_run x = {.command = COMMAND_ZERO};
  serve s = SERVE_ZERO;
  subgetopt l = SUBGETOPT_ZERO;
  unsigned seconds = SECONDS;
  PROG = "pipe-run";
  for (;;) {
    int opt = subgetopt_r(argc, argv, "t:" SERVE_OPTIONS, &l);
    if (opt == -1) break;
    if (opt == 't') {
      if (!uint0_scan(l.arg, &seconds) || !seconds || seconds > SECONDS_MAX)
        dieusage();
    } else if (!serve_option(&s, opt, l.arg))
      dieusage();
  }
  argv += l.ind;
  if (!*argv) dieusage();
  confine();
  x.command.argv = argv;
  x.command.alone = 1;
  x.command.ms = (int64_t)seconds * 1000;
  s.data = &x;
  s.client = client;
  s.again = 1;
  return serve_run(&s);
}
