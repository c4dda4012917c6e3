#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "conf.h"
#include "confine.h"
#include "milter-filter.h"

#define USAGE                                                                  \
  "milter-check [ -al ] [ -2 ] [ -d dir ] [ -n name ] [ -r word=action,… ] " \
  "[ -T seconds ] [ -t seconds ] address  or  milter-check -q [ options ] "    \
  "address [ ip [ sender [ recipient … ] ] ]"
#define dieusage() strerr_dieusage(100, USAGE)

#define SECONDS 30
#define END_SECONDS 240 /* the pipeline has 300 */
#define NAME "rohrpost"

static milter_filter filter_of = {
    .m = {.fd = -1,
          .offered = MILTER_KEPT,
          .highest = 6,
          .seconds = SECONDS,
          .end_seconds = END_SECONDS,
          .daemon = NAME},
    .v = VIEW_ZERO,
    .action = {[MILTER_ON_REJECT] = FILTER_REJECT,
               [MILTER_ON_TEMPFAIL] = FILTER_DEFER,
               [MILTER_ON_DISCARD] = FILTER_REJECT,
               [MILTER_ON_QUARANTINE] = FILTER_JUNK,
               [MILTER_ON_CHANGE] = FILTER_DEFER,
               [MILTER_ON_UNREACHABLE] = FILTER_DEFER,
               [MILTER_ON_TIMEOUT] = FILTER_DEFER,
               [MILTER_ON_BAD_ANSWER] = FILTER_DEFER}};

static int seconds(unsigned *to, char const *s)
{
  return uint0_scan(s, to) && *to && *to <= 86400;
}

static int option(int opt, char const *arg)
{
  milter_filter *f = &filter_of;
  switch (opt) {
  case '2': f->m.highest = 2; break;
  case 'a': f->m.offered = MILTER_KEPT | MILTER_NOT_KEPT; break;
  case 'd': f->spool = arg; break;
  case 'l': f->strangers = 1; break;
  case 'n': f->m.daemon = arg; break;
  case 'r':
    return filter_actions_scan(f->action, milter_words, MILTER_WORDS, arg);
  case 'T': return seconds(&f->m.end_seconds, arg);
  case 't': return seconds(&f->m.seconds, arg);
  default: return 0;
  }
  return 1;
}

int main(int argc, char const *const *argv)
{
  subgetopt g = SUBGETOPT_ZERO;
  int opt, ask = 0;
  PROG = "milter-check";
  filter_of.spool = conf_tmp();
  while ((opt = subgetopt_r(argc, argv, "2ad:ln:qr:T:t:", &g)) != -1)
    if (opt == 'q')
      ask = 1;
    else if (!option(opt, g.arg))
      dieusage();
  argc -= g.ind;
  argv += g.ind;
  if (argc < 1 || (!ask && argc > 1)) dieusage();
  if (!milter_place(&filter_of.m, *argv)) dieusage();
  confine_spooling(filter_of.spool);
  return ask ? milter_query(&filter_of, argv + 1)
             : milter_filter_run(&filter_of);
}
