#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "deliver-facts.h"
#include "deliver-session.h"
#include "log.h"
#include "put-answer.h"
#include "route.h"
#include "sink.h"

#define WORDS 64     /* of a command, more than table-build lets pass */
#define COMMAND 1024 /* bytes of it */

typedef struct session {
  deliver *d;
  command command;
  stralloc env;
} session;

static void begin(sink *s)
{
  char const *tmp = getenv("TMPDIR");
  s->message.message.dir = tmp && *tmp ? tmp : "/tmp";
}

static void recipient(sink *s, envelope_to const *to)
{
  if (to->route != ENVELOPE_LOCAL)
    sink_refuse(s, 550, "5.3.5 Not a local recipient");
}

/* Cuts the command at its blanks: 1, 0 if there are too many. */
static int split(char const **argv, char *s)
{
  char *save = 0;
  unsigned n = 0;
  for (char *w = strtok_r(s, " ", &save); w; w = strtok_r(0, " ", &save)) {
    if (n == WORDS) return 0;
    argv[n++] = w;
  }
  argv[n] = 0;
  return n > 0;
}

static int feed(char const *s, size_t n, void *data)
{
  return command_feed(data, s, n);
}

/* The exit code of the program with the message on its input; -1 for all
   failures, which are logged; -2: our own, errno. */
static int message_through(session *x, compose const *c, compose_trace const *t)
{
  int r;
  if (command_start(&x->command, &x->env) < 0) return -2;
  r = compose_write(c, t, feed, &x->command);
  if (r == 1) return command_end(&x->command);
  command_kill(&x->command);
  return -1;
}

static void said(session *x, char const *id, char const *mailbox, int code,
                 put_answer *a)
{
  stralloc const *o = &x->command.output;
  char const *name = x->command.argv[0];
  unsigned other = 0;
  *a = (put_answer){.letters = 0};
  if (code)
    log_warn("%s account=%s: %s failed (%d), so INBOX", id, mailbox, name,
             code);
  else if (!put_answer_read(a, o->s, o->len, &other))
    log_warn("%s account=%s: %s named no mailbox: %.*s, so INBOX", id, mailbox,
             name, (int)strcspn(o->s, "\n"), o->s);
  if (other)
    log_warn("%s account=%s: %s set %u flags that are not kept", id, mailbox,
             name, other);
}

/* 1; -1: errno */
static int run(session *x, sink *s, char *line, envelope_to const *to,
               compose_trace const *t, put_answer *a)
{
  char const *argv[WORDS + 1];
  int code;
  if (!split(argv, line)) return errno = E2BIG, -1;
  x->command.argv = argv;
  x->command.ms = x->d->ms;
  if (deliver_facts(&x->env, s, to) < 0) return -1;
  code = message_through(x, &s->message, t);
  if (code == -2) return -1;
  said(x, s->id, to->mailbox, code, a);
  return 1;
}

/* The account's command, copied, for the table may change: 1; 0: it has none;
   -1 */
static int command_of(session *x, char const *account, char *line)
{
  table *t = fresh_table_get(&x->d->mail);
  route_account a;
  int r = t ? route_account_get(t, account, &a) : -1;
  if (r <= 0 || !a.program) return r < 0 ? -1 : 0;
  if (snprintf(line, COMMAND, "%s", a.program) >= COMMAND)
    return errno = E2BIG, -1;
  return 1;
}

static void one(sink *s, sink_facts const *f, envelope_to const *to, int *code,
                char *text)
{
  compose_trace t = {f->by, to->from ? to->from : f->from, to->address};
  char line[COMMAND], answer[PUT_ANSWER_TEXT];
  put_answer a = {.letters = 0};
  int r = f->junk ? 0 : command_of(s->data, to->mailbox, line);
  if (r > 0) r = run(s->data, s, line, to, &t, &a);
  if (r < 0) log_warnsys("unable to run the program of %s", to->mailbox);
  put_answer_text(answer, &a);
  *code = r < 0 ? 451 : 250;
  snprintf(text, PARCEL_REPLY, "%s", r < 0 ? "4.3.0 Not now" : answer);
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
    if (!sink_judged(s, to.number, &code, text)) one(s, &f, &to, &code, text);
    if (s->recipients > 1 && sink_report(s, 'T', to.number, code, text) < 0)
      return envelope_end(&w), -1;
    if (code <= worst) continue;
    worst = code;
    memcpy(all, text, sizeof all);
  }
  return sink_report(s, 'R', 0, worst, all);
}

int deliver_session(deliver *d, int in, int out)
{
  session x = {.d = d, .command = COMMAND_ZERO};
  sink s = {.out = out,
            .message = COMPOSE_ZERO,
            .data = &x,
            .begin = begin,
            .recipient = recipient,
            .end = end};
  int code;
  x.command.alone = 1;
  code = sink_run(&s, in);
  command_free(&x.command);
  stralloc_free(&x.env);
  sink_free(&s);
  return code;
}
