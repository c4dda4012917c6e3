#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "pool.h"

#define USAGE                                                                  \
  "parcel-pool -w [ -n instances ] [ -x most ] [ -s seconds ] [ -d fd ] "      \
  "[ -c max ] [ -U uid,... ] prog..."
#define dieusage() strerr_dieusage(100, USAGE)
#define INSTANCES 4
#define MOST 64 /* more than one address may have connections (serve's -C) */
#define INSTANCES_MAX 256
#define STALL 10
#define STALL_MAX 300

static unsigned number(char const *s, unsigned most)
{
  unsigned n;
  if (!uint0_scan(s, &n) || !n || n > most) dieusage();
  return n;
}

int main(int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  serve s = SERVE_ZERO;
  pool p = {.s = &s, .warm = INSTANCES, .ninstances = MOST, .stall = STALL};
  PROG = "parcel-pool";
  for (int opt; (opt = subgetopt_r(argc, argv, "n:x:s:wd:c:U:", &l)) != -1;)
    if (opt == 'n')
      p.warm = number(l.arg, INSTANCES_MAX);
    else if (opt == 'x')
      p.ninstances = number(l.arg, INSTANCES_MAX);
    else if (opt == 's')
      p.stall = number(l.arg, STALL_MAX);
    else if (!serve_option(&s, opt, l.arg))
      dieusage();
  argc -= l.ind;
  argv += l.ind;
  if (!argc || !s.wait) dieusage();
  if (p.ninstances < p.warm) p.ninstances = p.warm;
  p.prog = argv;
  serve_listening(0, "-w");
  return pool_run(&p);
}
