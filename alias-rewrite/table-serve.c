#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "jail.h"
#include "table-desk.h"

#define USAGE                                                                  \
  "table-serve -w [ -n copies ] [ -t ms ] [ -r seconds ] [ -d fd ] "           \
  "[ -c max ] [ -U uid,... ] prog..."
#define dieusage() strerr_dieusage(100, USAGE)
#define COPIES 1
/* Who asks waits ASK_MS from its connection on, and is to get our answer. */
#define ANSWER_MS (ASK_MS - 500)
#define REST_S 30

static unsigned number(char const *s, unsigned most)
{
  unsigned n;
  if (!uint0_scan(s, &n) || !n || n > most) dieusage();
  return n;
}

int main(int argc, char const *const *argv)
{
  static desk d;
  subgetopt l = SUBGETOPT_ZERO;
  serve s = SERVE_ZERO;
  jail const j = {0, JAIL_NET | JAIL_FORK | JAIL_EXEC, 0};
  PROG = "table-serve";
  d = (desk){
      .s = &s, .ncopies = COPIES, .ms = ANSWER_MS, .rest_ms = REST_S * 1000};
  for (int opt; (opt = subgetopt_r(argc, argv, "n:t:r:wd:c:U:", &l)) != -1;)
    if (opt == 'n')
      d.ncopies = number(l.arg, DESK_COPIES);
    else if (opt == 't')
      d.ms = number(l.arg, 600000);
    else if (opt == 'r')
      d.rest_ms = (int64_t)number(l.arg, 86400) * 1000;
    else if (!serve_option(&s, opt, l.arg))
      dieusage();
  d.prog = argv + l.ind;
  if (!*d.prog || !s.wait) dieusage();
  serve_listening(0, "-w");
  if (jail_enter(&j) < 0) strerr_diefu1sys(111, "confine itself");
  return desk_run(&d);
}
