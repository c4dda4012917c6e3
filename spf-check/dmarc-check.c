#include <stdio.h>
#include <string.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>

#include "addr.h"
#include "confine.h"
#include "dmarc-filter.h"
#include "dmarc.h"

#define USAGE                                                                  \
  "dmarc-check [ -r event=action,… ] [ -s result=action,… ]  or  "         \
  "dmarc-check -q from-domain [ spf=domain ] [ dkim=domain ] …"
#define dieusage() strerr_dieusage(100, USAGE)

static char const *const events[DMARC_EVENTS] = {"reject", "quarantine",
                                                 "temperror", "permerror"};

/* A domain as an argument. */
static char const *domain(char const *s)
{
  stralloc key = STRALLOC_ZERO;
  int r = addr_domain_key(&key, s, strlen(s));
  if (r > 0 && !stralloc_0(&key)) r = -1;
  if (r < 0) strerr_diefu1sys(111, "allocate memory");
  if (!r || *key.s == '[') strerr_dief2x(100, s, " is not a domain");
  return key.s;
}

static int query(char const *const *argv)
{
  static dmarc d;
  dmarc_answer a;
  char const *from = domain(*argv);
  while (*++argv) {
    if (!strncmp(*argv, "spf=", 4))
      dmarc_add(&d, DMARC_SPF, 0, domain(*argv + 4));
    else if (!strncmp(*argv, "dkim=", 5))
      dmarc_add(&d, DMARC_DKIM, 0, domain(*argv + 5));
    else
      dieusage();
  }
  dmarc_begin(&d, from);
  dmarc_end(&d, &a);
  if (printf("%s\t%s\t%s\t%s\n", dmarc_word(a.result),
             a.at ? dmarc_policy_word(a.policy) : "", a.at ? a.at : "",
             a.why) < 0 ||
      fflush(stdout))
    strerr_diefu1sys(111, "write to stdout");
  return 0;
}

int main(int argc, char const *const *argv)
{
  static dmarc_actions actions = {
      .event = {[DMARC_ON_REJECT] = FILTER_REJECT,
                [DMARC_ON_QUARANTINE] = FILTER_JUNK,
                [DMARC_ON_TEMPERROR] = FILTER_DEFER,
                [DMARC_ON_PERMERROR] = FILTER_REJECT},
      .spf = {[SPF_FAIL] = FILTER_JUNK}};
  subgetopt g = SUBGETOPT_ZERO;
  int opt, ask = 0;
  PROG = "dmarc-check";
  while ((opt = subgetopt_r(argc, argv, "qr:s:", &g)) != -1) switch (opt) {
    case 'q': ask = 1; break;
    case 'r':
      if (!filter_actions_scan(actions.event, events, DMARC_EVENTS, g.arg))
        dieusage();
      break;
    case 's':
      if (!filter_actions_scan(actions.spf, spf_words, SPF_RESULTS, g.arg))
        dieusage();
      break;
    default: dieusage();
    }
  argc -= g.ind;
  argv += g.ind;
  if (ask ? argc < 1 : argc != 0) dieusage();
  confine();
  return ask ? query(argv) : dmarc_filter_run(&actions);
}
