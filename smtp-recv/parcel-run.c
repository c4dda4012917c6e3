/* Any command as a filter: the message on its stdin, header fields from its
   stdout, its exit code the verdict. */
#include <ctype.h>
#include <string.h>

#include <skalibs/sgetopt.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "command.h"
#include "filter.h"
#include "header.h"
#include "log.h"
#include "parcel-tool.h"

#define USAGE                                                                  \
  "parcel run [ -s connect|sender|rcpt|body ] [ -t seconds ] "                 \
  "[ -x code=action[,reply] ] prog..."
#define dieusage() strerr_dieusage(100, USAGE)

#define SECONDS 60
#define ADDRESSES 65536 /* most bytes of RECIPIENTS */
#define ELSE 256        /* every other code, a signal, a failure */

typedef enum stage { CONNECT, SENDER, RCPT, BODY } stage;

/* What an exit code means; the reply is the admin's or 0. */
typedef struct meaning {
  int set;
  filter_action action;
  char const *reply;
} meaning;

typedef struct job {
  command command;
  stage stage;
  meaning codes[ELSE + 1];
  stralloc env, recipients, text;
  int failed; /* it could not take the message */
} job;

/* Facts become PARCEL_NAME=value, the sender SENDER; names are printable and
   hold no =, values no NUL. */
static int environment(filter *f, char const *recipient)
{
  job *j = f->data;
  char const *s = f->facts.s, *end = s ? s + f->facts.len : s;
  j->env.len = 0;
  for (; s < end; s += strlen(s) + 1) {
    size_t start = j->env.len + 7;
    if (!strchr(s, '=')) continue;
    if (!stralloc_cats(&j->env, "PARCEL_") ||
        !stralloc_catb(&j->env, s, strlen(s) + 1))
      return -1;
    for (char *p = j->env.s + start; *p != '='; p++)
      *p = (char)toupper((unsigned char)*p);
  }
  if (f->from.len &&
      (!stralloc_cats(&j->env, "SENDER=") ||
       !stralloc_catb(&j->env, f->from.s, strlen(f->from.s) + 1)))
    return -1;
  if (recipient && (!stralloc_cats(&j->env, "RECIPIENT=") ||
                    !stralloc_catb(&j->env, recipient, strlen(recipient) + 1)))
    return -1;
  if (!j->recipients.len) return 1;
  return stralloc_cats(&j->env, "RECIPIENTS=") &&
                 stralloc_cat(&j->env, &j->recipients) && stralloc_0(&j->env)
             ? 1
             : -1;
}

/* The command's output, if all of it is header fields: 1, 0 or -1. */
static int well_formed(job *j)
{
  char const *s = j->command.output.s;
  size_t len = j->command.output.len;
  header_field h;
  while (len) {
    if (header_next(&h, s, len) <= 0 || h.len > PARCEL_RECORD / 2) return 0;
    s += h.len;
    len -= h.len;
  }
  return 1;
}

static int put_fields(filter *f)
{
  job *j = f->data;
  char const *s = j->command.output.s;
  size_t len = j->command.output.len;
  header_field h;
  while (len && header_next(&h, s, len) > 0) {
    crlf c = {0};
    j->text.len = 0;
    if (crlf_in(&c, &j->text, h.s, h.len) < 0) return -1;
    if (h.s[h.len - 1] != '\n' && !stralloc_catb(&j->text, "\r\n", 2))
      return -1;
    if (!c.bare && filter_field(f, j->text.s, j->text.len) < 0) return -1;
    s += h.len;
    len -= h.len;
  }
  return 1;
}

/* At the end of the command: what its exit code means. */
static int verdict(filter *f, int code, long number)
{
  static char const *const words[] = {"", "junk", "reject", "defer"};
  static char const *const details[] = {"", "0.0", "7.1", "7.1"};
  static char const *const texts[] = {"", "Junk", "Refused by local policy",
                                      "Cannot be judged now"};
  job *j = f->data;
  meaning const *m;
  if (code >= 0 && !well_formed(j)) {
    log_warn("%s wrote what is no header field", j->command.argv[0]);
    code = -1;
  }
  m = j->codes + (code < 0 || !j->codes[code].set ? ELSE : code);
  if (m == j->codes + ELSE)
    log_warn("%s ended with code %d", j->command.argv[0], code);
  if ((m->action == FILTER_IGNORE || m->action == FILTER_JUNK) && code >= 0 &&
      put_fields(f) < 0)
    return -1;
  if (m->action != FILTER_IGNORE)
    log_info("trace=%s run=%s code=%d: %s", filter_fact(f, "id"),
             j->command.argv[0], code, words[m->action]);
  if (m->reply) return filter_reply(f, m->action, number, m->reply);
  return filter_verdict(f, m->action, number, details[m->action],
                        texts[m->action]);
}

/* For the stages before the message. */
static int run_now(filter *f, char const *recipient, long number)
{
  job *j = f->data;
  int code = -1;
  if (environment(f, recipient) < 0) return -1;
  if (command_start(&j->command, &j->env) < 0)
    log_warnsys("unable to start %s", j->command.argv[0]);
  else
    code = command_end(&j->command);
  return verdict(f, code, number);
}

static void begin(filter *f)
{
  job *j = f->data;
  command_kill(&j->command);
  j->recipients.len = 0;
  j->failed = 0;
}

static int connected(filter *f)
{
  job *j = f->data;
  return j->stage == CONNECT ? run_now(f, 0, FILTER_ALL) : 1;
}

static int sender(filter *f)
{
  job *j = f->data;
  return j->stage == SENDER ? run_now(f, 0, FILTER_ALL) : 1;
}

static int recipient(filter *f, parcel_record const *r)
{
  job *j = f->data;
  char const *address = parcel_param(r, 2, "rcpt");
  unsigned long number;
  if (!address) address = parcel_part(r, 1);
  if (!address || !ulong_scan(r->s, &number)) return 1;
  if (j->stage == RCPT) return run_now(f, address, (long)number);
  if (j->recipients.len + strlen(address) + 1 > ADDRESSES) return 1;
  return (!j->recipients.len || stralloc_append(&j->recipients, '\n')) &&
                 stralloc_cats(&j->recipients, address)
             ? 1
             : -1;
}

static int start(filter *f)
{
  job *j = f->data;
  if (j->failed || j->command.pid) return 1;
  if (environment(f, 0) < 0) return -1;
  if (command_start(&j->command, &j->env) > 0) return 1;
  log_warnsys("unable to start %s", j->command.argv[0]);
  j->failed = 1;
  return 1;
}

static int record(filter *f, parcel_record const *r)
{
  job *j = f->data;
  if (parcel_refused(r)) command_kill(&j->command);
  if (j->stage != BODY || r->type != PARCEL_MESSAGE) return 1;
  if (start(f) < 0) return -1;
  if (!j->failed && command_feed(&j->command, r->s, r->len) < 0) j->failed = 1;
  return 1;
}

static int end(filter *f)
{
  job *j = f->data;
  if (j->stage != BODY) return 1;
  if (start(f) < 0) return -1;
  return verdict(f, j->failed ? -1 : command_end(&j->command), FILTER_ALL);
}

/* "code=action" or "code=action,reply"; code a number or else. */
static void map(job *j, char const *s)
{
  size_t word = strcspn(s, "="), len;
  unsigned code = ELSE;
  meaning m = {.set = 1};
  if (!s[word]) dieusage();
  if (word != 4 || strncmp(s, "else", 4)) {
    if (uint_scan(s, &code) != word || code > 255) dieusage();
  }
  s += word + 1;
  len = strcspn(s, ",");
  if (!filter_action_scan(&m.action, s, len)) dieusage();
  if (s[len]) {
    m.reply = s + len + 1;
    if (!filter_reply_fits(m.action, m.reply)) dieusage();
  }
  j->codes[code] = m;
}

static stage which(char const *s)
{
  static char const *const names[] = {"connect", "sender", "rcpt", "body"};
  for (unsigned i = 0; i < 4; i++)
    if (!strcmp(s, names[i])) return (stage)i;
  dieusage();
}

int parcel_run(int argc, char const *const *argv)
{
  static job j = {.command = COMMAND_ZERO,
                  .stage = BODY,
                  .codes = {[0] = {.set = 1, .action = FILTER_IGNORE},
                            [99] = {.set = 1, .action = FILTER_JUNK},
                            [100] = {.set = 1, .action = FILTER_REJECT},
                            [ELSE] = {.set = 1, .action = FILTER_DEFER}}};
  filter f = {.data = &j,
              .begin = begin,
              .connect = connected,
              .sender = sender,
              .recipient = recipient,
              .record = record,
              .end = end};
  subgetopt l = SUBGETOPT_ZERO;
  unsigned seconds = SECONDS;
  int code;
  for (int opt; (opt = subgetopt_r(argc, argv, "s:t:x:", &l)) != -1;)
    switch (opt) {
    case 's': j.stage = which(l.arg); break;
    case 't':
      if (!uint0_scan(l.arg, &seconds) || !seconds) dieusage();
      break;
    case 'x': map(&j, l.arg); break;
    default: dieusage();
    }
  if (l.ind == argc) dieusage();
  j.command.ms = (int64_t)seconds * 1000;
  j.command.argv = argv + l.ind;
  code = filter_run(&f);
  command_free(&j.command);
  stralloc_free(&j.env);
  stralloc_free(&j.recipients);
  stralloc_free(&j.text);
  return code;
}
