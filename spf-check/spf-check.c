#include <stdio.h>
#include <string.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>

#include "conf.h"
#include "confine.h"
#include "spf-filter.h"

#define USAGE                                                                  \
  "spf-check [ -R ] [ -r result=action,… ]  or  spf-check -q ip helo sender"
#define dieusage() strerr_dieusage(100, USAGE)

static int query(char const *const *argv)
{
  char const *sender = strcmp(argv[2], "<>") ? argv[2] : "";
  spf_request q = {argv[0], argv[1], sender, conf_me()};
  spf_answer a;
  if (!spf_check(&q, &a)) strerr_dief2x(100, argv[0], " is not an IP address");
  if (printf("%s\t%s\n", spf_words[a.result], a.text) < 0 || fflush(stdout))
    strerr_diefu1sys(111, "write to stdout");
  return 0;
}

int main(int argc, char const *const *argv)
{
  spf_options options = {.field = 0};
  subgetopt g = SUBGETOPT_ZERO;
  int opt, ask = 0;
  PROG = "spf-check";
  while ((opt = subgetopt_r(argc, argv, "qRr:", &g)) != -1) switch (opt) {
    case 'q': ask = 1; break;
    case 'R': options.field = 1; break;
    case 'r':
      if (!filter_actions_scan(options.action, spf_words, SPF_RESULTS, g.arg))
        dieusage();
      break;
    default: dieusage();
    }
  argc -= g.ind;
  argv += g.ind;
  if (argc != (ask ? 3 : 0)) dieusage();
  confine();
  return ask ? query(argv) : spf_filter_run(&options);
}
