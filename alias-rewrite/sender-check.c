#include <stdio.h>
#include <string.h>

#include <skalibs/sgetopt.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>

#include "conf.h"
#include "sender-filter.h"
#include "senders.h"
#include "table-jail.h"

#define USAGE                                                                      \
  "sender-check [ -t mail.cdb ] [ -r event=action,… ] [ -o where=action,… ]  " \
  "or  sender-check [ -t mail.cdb ] -q account address"
#define dieusage() strerr_dieusage(100, USAGE)

static void scan(filter_action *to, char const *const *words, unsigned n,
                 char const *s)
{
  if (!filter_actions_scan(to, words, n, s)) dieusage();
}

static int query(char const *path, char const *account, char const *address)
{
  table *t;
  char const *why;
  int r;
  if (table_open(&t, path) < 0) strerr_diefu2sys(111, "open ", path);
  r = senders_may(t, account, address, &why);
  if (r < 0) strerr_diefu2sys(111, "look up ", address);
  if (printf("%s\t%s\n", r ? "yes" : "no", why) < 0 || fflush(stdout))
    strerr_diefu1sys(111, "write to standard output");
  table_close(t);
  return !r;
}

int main(int argc, char const *const *argv)
{
  static char const *const events[SENDER_EVENTS] = {"envelope", "header",
                                                    "malformed", "null"};
  static char const *const claims[SENDER_CLAIMS] = {"envelope", "header"};
  static sender_actions actions = {
      .event = {[SENDER_ENVELOPE] = FILTER_REJECT,
                [SENDER_HEADER] = FILTER_REJECT,
                [SENDER_MALFORMED] = FILTER_REJECT}};
  subgetopt g = SUBGETOPT_ZERO;
  char const *path = 0;
  int opt, ask = 0;
  PROG = "sender-check";
  while ((opt = subgetopt_r(argc, argv, "qt:r:o:", &g)) != -1) switch (opt) {
    case 'q': ask = 1; break;
    case 't': path = g.arg; break;
    case 'r': scan(actions.event, events, SENDER_EVENTS, g.arg); break;
    case 'o': scan(actions.claim, claims, SENDER_CLAIMS, g.arg); break;
    default: dieusage();
    }
  argc -= g.ind;
  argv += g.ind;
  if (argc != (ask ? 2 : 0)) dieusage();
  if (!path) path = conf_table("mail.cdb");
  sig_ignore(SIGPIPE);
  table_jail(path, 0);
  return ask ? query(path, argv[0], argv[1])
             : sender_filter_run(path, &actions);
}
