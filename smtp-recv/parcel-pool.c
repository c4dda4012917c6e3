#include <sys/socket.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "pool.h"

#define USAGE                                                                  \
  "parcel-pool -w [ -n instances ] [ -d fd ] [ -c max ] [ -U uid,... ] "       \
  "prog..."
#define dieusage() strerr_dieusage(100, USAGE)
#define INSTANCES 4
#define INSTANCES_MAX 256

int main(int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  serve s = SERVE_ZERO;
  pool p = {.s = &s, .ninstances = INSTANCES};
  int listening = 0;
  socklen_t n = sizeof listening;
  PROG = "parcel-pool";
  for (int opt; (opt = subgetopt_r(argc, argv, "n:" SERVE_OPTIONS, &l)) != -1;)
    if (opt == 'n') {
      if (!uint0_scan(l.arg, &p.ninstances) || !p.ninstances ||
          p.ninstances > INSTANCES_MAX)
        dieusage();
    } else if (!serve_option(&s, opt, l.arg))
      dieusage();
  argc -= l.ind;
  argv += l.ind;
  if (!argc || !s.wait) dieusage();
  p.prog = argv;
  if (getsockopt(0, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) < 0 ||
      !listening)
    strerr_dief1x(100, "-w needs a listening socket on fd 0");
  return pool_run(&p);
}
