#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/sgetopt.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>

#include "conf.h"
#include "jail.h"
#include "rewrite.h"
#include "route.h"
#include "table-jail.h"

#define USAGE "alias-rewrite [ -t mail.cdb ] [ -q address ]"
#define dieusage() strerr_dieusage(100, USAGE)

static void step(void *data, unsigned depth, char const *text)
{
  (void)data;
  printf("%*s%s\n", 2 * (int)depth, "", text);
}

static int refusal(char const *address, int why)
{
  switch (why) {
  case ROUTE_UNKNOWN: strerr_warnw2x("unknown: ", address); return 1;
  case ROUTE_LOOP: strerr_warnw2x("aliases loop: ", address); return 1;
  case ROUTE_TOOMANY: strerr_warnw2x("too many targets: ", address); return 1;
  case ROUTE_FORGED:
    strerr_warnw2x("not a sender that we rewrote, or too old: ", address);
    return 1;
  default: strerr_warnwu2sys("look up ", address); return 111;
  }
}

/* The steps, indented, then one line for each target */
static int query(char const *path, char const *address)
{
  table *t;
  route_list to;
  unsigned dropped;
  int r, code = 0;
  if (table_open(&t, path) < 0) strerr_diefu2sys(111, "open ", path);
  r = route_explain(t, address, &to, &dropped, step, 0);
  if (r == ROUTE_FOREIGN)
    printf("remote %s\n", address);
  else if (r != ROUTE_OK)
    code = refusal(address, r);
  for (size_t i = 0; i < to.n; i++)
    printf("%s %s%s\n", to.v[i].local ? "local" : "remote", to.v[i].address,
           to.v[i].how & ROUTE_NULL   ? " (sender <>)"
           : to.v[i].how & ROUTE_KEEP ? " (keep-sender)"
                                      : "");
  route_free(&to);
  table_close(t);
  if (fflush(stdout)) strerr_diefu1sys(111, "write to standard output");
  return code;
}

int main(int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  char const *path = 0, *address = 0;
  int opt;
  PROG = "alias-rewrite";
  while ((opt = subgetopt_r(argc, argv, "t:q:", &l)) != -1) switch (opt) {
    case 't': path = l.arg; break;
    case 'q': address = l.arg; break;
    default: dieusage();
    }
  if (argc != l.ind) dieusage();
  if (!path) path = conf_table("mail.cdb");
  if (address) return query(path, address);
  sig_ignore(SIGPIPE);
  table_jail(path, JAIL_NET); /* sockets that tables name */
  if (rewrite_all(path, 0, 1) < 0) strerr_diefu1sys(111, "pass parcels on");
  return 0;
}
