#include <stdio.h>
#include <string.h>

#include <sodium.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "spf-check/confine.h"
#include "verify-filter.h"

#define USAGE                                                                  \
  "dkim-verify [ -q ] [ -a ] [ -l ] [ -f fields ] [ -n signatures ] [ -t "     \
  "seconds ] "                                                                 \
  "[ -r result=action,… ]"
#define dieusage() strerr_dieusage(100, USAGE)

#define SKEW_MAX 86400
#define CHUNK 65536

static unsigned long number(char const *s, unsigned long min, unsigned long max)
{
  unsigned long n;
  if (!ulong0_scan(s, &n) || n < min || n > max) dieusage();
  return n;
}

static int query(verifier *v)
{
  static char buf[CHUNK];
  char line[VERIFIER_LINE];
  ssize_t n;
  int some = 0, foreign;
  verifier_begin(v);
  while ((n = io_read(0, buf, sizeof buf, IO_FOREVER)) > 0) {
    verifier_message(v, buf, (size_t)n);
    some = 1;
  }
  if (n < 0) strerr_diefu1sys(111, "read the message");
  if (!some) strerr_dief1x(1, "there is no message");
  verifier_end(v, &foreign);
  for (unsigned i = 0; i < verifier_lines(v); i++) {
    verifier_line(line, v, i);
    if (puts(line) < 0) strerr_diefu1sys(111, "write to stdout");
  }
  if (fflush(stdout)) strerr_diefu1sys(111, "write to stdout");
  return 0;
}

int main(int argc, char const *const *argv)
{
  static verifier v = {.most = VERIFIER_SIGNATURES,
                       .skew = VERIFIER_SKEW,
                       .fields = VERIFIER_FIELDS};
  filter_action action[DKIM_RESULTS] = {FILTER_IGNORE};
  subgetopt g = SUBGETOPT_ZERO;
  int opt, ask = 0;
  PROG = "dkim-verify";
  while ((opt = subgetopt_r(argc, argv, "aqlf:n:t:r:", &g)) != -1)
    switch (opt) {
    case 'a': v.author = 1; break;
    case 'q': ask = 1; break;
    case 'l': v.partial = 1; break;
    case 'f':
      if (!verifier_names(g.arg)) dieusage();
      v.fields = g.arg;
      break;
    case 'n': v.most = (unsigned)number(g.arg, 1, VERIFIER_MOST); break;
    case 't': v.skew = number(g.arg, 0, SKEW_MAX); break;
    case 'r':
      if (!filter_actions_scan(action, dkim_words, DKIM_RESULTS, g.arg))
        dieusage();
      break;
    default: dieusage();
    }
  if (argc != g.ind) dieusage();
  if (sodium_init() < 0) strerr_diefu1x(111, "start libsodium");
  confine();
  return ask ? query(&v) : verify_filter_run(&v, action);
}
