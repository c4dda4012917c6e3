#include <stdio.h>
#include <string.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>

#include "addr.h"
#include "confine.h"
#include "filter.h"
#include "ip.h"
#include "log.h"
#include "sender-mx.h"

#define USAGE                                                                  \
  "mx-check [ -r result=action,… ]  or  mx-check -q address-or-domain"
#define dieusage() strerr_dieusage(100, USAGE)

/* RFC 3463 3.2: X.1.8; RFC 7505 4.2: X.7.27; RFC 3463 3.5: X.4.3 */
static int sender(filter *f)
{
  static char const *const detail[MX_RESULTS] = {"", "1.8", "7.27", "4.3"};
  filter_action const *action = f->data;
  char const *ip = filter_fact(f, "ip");
  char why[SENDER_MX_TEXT], text[SENDER_MX_TEXT + 32];
  enum sender_mx r;
  if (f->trusted || !*f->from.s || !*addr_domain(f->from.s)) return 1;
  r = sender_mx(why, addr_domain(f->from.s), ip_kind(ip) != IP_PUBLIC);
  log_info("trace=%s ip=%s from=<%s> mx=%s: %s", filter_fact(f, "id"), ip,
           f->from.s, sender_mx_words[r], why);
  snprintf(text, sizeof text, "Sender could not be answered: %s", why);
  return filter_verdict(f, action[r], FILTER_ALL, detail[r], text);
}

static int query(char const *s)
{
  char why[SENDER_MX_TEXT];
  char const *domain = strchr(s, '@') ? addr_domain(s) : s;
  enum sender_mx r;
  if (!*domain) dieusage();
  r = sender_mx(why, domain, 0);
  if (printf("%s\t%s\n", sender_mx_words[r], why) < 0 || fflush(stdout))
    strerr_diefu1sys(111, "write to stdout");
  return 0;
}

int main(int argc, char const *const *argv)
{
  filter_action action[MX_RESULTS] = {[MX_NONE] = FILTER_JUNK,
                                      [MX_NULL] = FILTER_REJECT,
                                      [MX_TEMPERROR] = FILTER_DEFER};
  filter f = {.data = action, .sender = sender};
  subgetopt g = SUBGETOPT_ZERO;
  int opt, ask = 0;
  PROG = "mx-check";
  while ((opt = subgetopt_r(argc, argv, "qr:", &g)) != -1) switch (opt) {
    case 'q': ask = 1; break;
    case 'r':
      /* what passes has no action */
      if (!filter_actions_scan(action, sender_mx_words, MX_RESULTS, g.arg))
        dieusage();
      break;
    default: dieusage();
    }
  argc -= g.ind;
  argv += g.ind;
  if (argc != (ask ? 1 : 0)) dieusage();
  action[MX_PASS] = FILTER_IGNORE;
  confine();
  return ask ? query(argv[0]) : filter_run(&f);
}
