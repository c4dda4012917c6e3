#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>

#include "conf.h"
#include "filter.h"
#include "jail.h"

#define USAGE                                                                  \
  "spf-check [ -r result=action,… ]  or  spf-check -q ip helo sender"
#define dieusage() strerr_dieusage(100, USAGE)

#define MEMORY (128u << 20)

static char const *action(char const *s, size_t n)
{
  static char const *const known[] = {"reject", "defer", "junk", "none"};
  for (unsigned i = 0; i < 4; i++)
    if (strlen(known[i]) == n && !strncmp(s, known[i], n))
      return i < 3 ? known[i] : 0;
  dieusage();
}

/* "fail=reject,temperror=defer" */
static void actions(filter_policy *p, char const *s)
{
  for (;;) {
    size_t n = strcspn(s, ","), word = strcspn(s, "=");
    int r = SPF_NONE;
    while (r <= SPF_PERMERROR &&
           (strlen(spf_word(r)) != word || strncmp(spf_word(r), s, word)))
      r++;
    if (r > SPF_PERMERROR || word >= n) dieusage();
    p->action[r] = action(s + word + 1, n - word - 1);
    s += n;
    if (!*s++) return;
  }
}

static int query(char const *const *argv)
{
  char const *sender = strcmp(argv[2], "<>") ? argv[2] : "";
  spf_request q = {argv[0], argv[1], sender, conf_me()};
  spf_answer a;
  if (!spf_check(&q, &a)) strerr_dief2x(100, argv[0], " is not an IP address");
  if (printf("%s\t%s\n", spf_word(a.result), a.text) < 0 || fflush(stdout))
    strerr_diefu1sys(111, "write to stdout");
  return 0;
}

int main(int argc, char const *const *argv)
{
  static jail_path const paths[] = {
      {"/etc", 0}, {"/run/systemd/resolve", 0}, {0}};
  static jail const walls = {
      .paths = paths, .flags = JAIL_NET, .memory = MEMORY};
  filter_policy p = {0};
  subgetopt g = SUBGETOPT_ZERO;
  int opt, ask = 0;
  PROG = "spf-check";
  while ((opt = subgetopt_r(argc, argv, "qr:", &g)) != -1) switch (opt) {
    case 'q': ask = 1; break;
    case 'r': actions(&p, g.arg); break;
    default: dieusage();
    }
  argc -= g.ind;
  argv += g.ind;
  if (argc != (ask ? 3 : 0)) dieusage();
  signal(SIGPIPE, SIG_IGN);
  if (jail_enter(&walls) < 0) strerr_diefu1sys(111, "enter the jail");
  return ask ? query(argv) : filter_run(&p);
}
