#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/sgetopt.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>

#include "conf.h"
#include "rewrite.h"
#include "route.h"
#include "table-jail.h"

#define USAGE "alias-rewrite [ -t mail.cdb ] [ -q address ]"
#define dieusage() strerr_dieusage(100, USAGE)

static int query(char const *path, char const *address)
{
  table *t;
  route_list to;
  unsigned dropped;
  size_t i;
  int r;
  if (table_open(&t, path) < 0) strerr_diefu2sys(111, "open ", path);
  r = route_address(t, address, &to, &dropped);
  switch (r) {
  case ROUTE_OK: break;
  case ROUTE_FOREIGN: puts(address); break;
  case ROUTE_UNKNOWN: strerr_dief2x(1, "unknown: ", address);
  case ROUTE_LOOP: strerr_dief2x(1, "aliases loop: ", address);
  case ROUTE_TOOMANY: strerr_dief2x(1, "too many targets: ", address);
  default: strerr_diefu2sys(111, "look up ", address);
  }
  for (i = 0; i < to.n; i++) puts(to.v[i].address);
  route_free(&to);
  table_close(t);
  if (fflush(stdout)) strerr_diefu1sys(111, "write to standard output");
  return 0;
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
  table_jail(path);
  if (rewrite_all(path, 0, 1) < 0) strerr_diefu1sys(111, "pass parcels on");
  return 0;
}
