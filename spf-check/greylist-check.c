#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "grey-filter.h"
#include "jail.h"

#define USAGE                                                                  \
  "greylist-check [ -D directory ] [ -d delay ] [ -w window ] "                \
  "[ -l lifetime ] [ -n successes ] [ -m entries ] [ -q | -x ]"
#define dieusage() strerr_dieusage(100, USAGE)

#define DIRECTORY "/var/lib/rohrpost/greylist"
#define MEMORY (64u << 20) /* beside the database */
#define SECONDS_MAX (10u * 366 * 86400)
#define ENTRIES_MIN 100
#define ENTRIES_MAX 10000000

static void seconds(int64_t *to, char const *s)
{
  unsigned v;
  if (!uint0_scan(s, &v) || v > SECONDS_MAX) dieusage();
  *to = v;
}

static void number(uint32_t *to, char const *s, unsigned min, unsigned max)
{
  unsigned v;
  if (!uint0_scan(s, &v) || v < min || v > max) dieusage();
  *to = v;
}

static void iso(char to[24], int64_t t)
{
  time_t v = (time_t)t;
  struct tm tm;
  if (!gmtime_r(&v, &tm) || !strftime(to, 24, "%Y-%m-%dT%H:%M:%SZ", &tm))
    snprintf(to, 24, "-");
}

static void show(char const *kind, grey_entry const *e)
{
  char first[24], last[24];
  iso(first, e->first);
  iso(last, e->last);
  printf("%s\t%s\t%s\t%s\t%s\t%s\t%lu\n", kind, e->network, e->sender,
         e->recipient, first, last, (unsigned long)e->count);
}

static void die(char const *dir, grey_answer const *a)
{
  strerr_dief4x(111, "unable to use ", dir, ": ", a->why);
}

static int query(char const *dir, grey_policy const *p)
{
  grey_answer a;
  grey_db *db;
  if (grey_open(&db, dir, p->entries, 0, &a) < 0 || grey_each(db, show, &a) < 0)
    die(dir, &a);
  grey_close(db);
  if (fflush(stdout)) strerr_diefu1sys(111, "write to stdout");
  return 0;
}

static int expire(char const *dir, grey_policy const *p)
{
  grey_answer a;
  grey_db *db;
  long n = -1;
  if (grey_open(&db, dir, p->entries, 1, &a) > 0)
    n = grey_expire(db, p, (int64_t)time(0), &a);
  if (n < 0) die(dir, &a);
  grey_close(db);
  if (printf("%ld\n", n) < 0 || fflush(stdout))
    strerr_diefu1sys(111, "write to stdout");
  return 0;
}

static void confine_to(char const *dir, grey_policy const *p, int forks)
{
  jail_path const paths[] = {{dir, 1}, {0}};
  jail const walls = {.paths = paths,
                      .flags = forks ? JAIL_FORK : 0,
                      .memory = grey_size(p->entries) + MEMORY};
  signal(SIGPIPE, SIG_IGN);
  if (jail_enter(&walls) < 0) strerr_diefu1sys(111, "enter the jail");
}

int main(int argc, char const *const *argv)
{
  grey_policy p = {.delay = 300,
                   .window = 2 * 86400,
                   .lifetime = 35 * 86400,
                   .successes = 5,
                   .entries = 100000};
  char const *dir = DIRECTORY;
  subgetopt g = SUBGETOPT_ZERO;
  int opt, what = 0;
  PROG = "greylist-check";
  while ((opt = subgetopt_r(argc, argv, "D:d:w:l:n:m:qx", &g)) != -1)
    switch (opt) {
    case 'D': dir = g.arg; break;
    case 'd': seconds(&p.delay, g.arg); break;
    case 'w': seconds(&p.window, g.arg); break;
    case 'l': seconds(&p.lifetime, g.arg); break;
    case 'n': number(&p.successes, g.arg, 0, UINT32_MAX); break;
    case 'm': number(&p.entries, g.arg, ENTRIES_MIN, ENTRIES_MAX); break;
    case 'q':
    case 'x': what = opt; break;
    default: dieusage();
    }
  if (argc > g.ind || p.window <= p.delay) dieusage();
  confine_to(dir, &p, !what);
  return what == 'q'   ? query(dir, &p)
         : what == 'x' ? expire(dir, &p)
                       : grey_filter_run(dir, &p);
}
