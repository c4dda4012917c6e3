#include <stdio.h>
#include <string.h>

#include <skalibs/bytestr.h>
#include <skalibs/djbunix.h>
#include <skalibs/sgetopt.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "addr.h"
#include "confine.h"
#include "dnsbl-filter.h"
#include "dnsbl-health.h"
#include "ip.h"

#define USAGE                                                                  \
  "dnsbl-check [ -l file ] [ -z zone=score[,word…] ] [ -j score ] "          \
  "[ -r score ] [ -i seconds ] [ -e ]  or  dnsbl-check … -q ip "             \
  "[ helo [ sender ] ]  or  dnsbl-check … -t"
#define dieusage() strerr_dieusage(100, USAGE)

static void file(dnsbl_lists *l, char const *path)
{
  stralloc text = STRALLOC_ZERO;
  char number[UINT_FMT];
  char const *why = 0;
  unsigned n = 0;
  if (!openslurpclose(&text, path)) strerr_diefu2sys(102, "read ", path);
  for (size_t at = 0; at < text.len; n++) {
    size_t len = byte_chr(text.s + at, text.len - at, '\n');
    if (dnsbl_line(l, text.s + at, len, &why) <= 0) {
      number[uint_fmt(number, n + 1)] = 0;
      strerr_dief5x(102, path, ", line ", number, ": ",
                    why ? why : "out of memory");
    }
    at += len + 1;
  }
  stralloc_free(&text);
}

/* zone=score,word,… is the line "zone score word …" */
static void one(dnsbl_lists *l, char const *arg)
{
  char s[DNSBL_LINE];
  char const *why = 0;
  char *p;
  size_t n = strlen(arg);
  if (n >= sizeof s) dieusage();
  memcpy(s, arg, n + 1);
  p = strchr(s, '=');
  if (!p) dieusage();
  *p = ' ';
  for (; *p; p++)
    if (*p == ',') *p = ' ';
  if (dnsbl_line(l, s, n, &why) <= 0)
    strerr_dief3x(100, arg, ": ", why ? why : "out of memory");
}

static void threshold(long *to, char const *s)
{
  if (!dnsbl_score_scan(to, s, strlen(s))) dieusage();
}

static void row(dnsbl_row const *r)
{
  static char const *const words[] = {"clear", "", "no answer", "off"};
  char score[DNSBL_SCORE_TEXT];
  printf("%s\t%s\t%s\t%s\t%s\n", r->list->shown, dnsbl_kind(r->kind),
         r->outcome == DNSBL_LISTED ? r->ip : words[r->outcome],
         dnsbl_score_show(score, r->outcome == DNSBL_LISTED ? r->score : 0),
         r->outcome == DNSBL_LISTED ? r->text
         : r->outcome == DNSBL_OFF  ? r->list->state[dnsbl_family(r->kind)].why
                                    : "");
}

static int query(dnsbl_policy *p, int argc, char const *const *argv)
{
  static char const *const words[] = {"pass", "junk", "reject"};
  static dnsbl_result r;
  char score[DNSBL_SCORE_TEXT];
  unsigned char b[16];
  char const *sender = argc > 2 ? argv[2] : "";
  dnsbl_request q = {argv[0], argc > 1 ? argv[1] : "", addr_domain(sender),
                     p->period};
  if (!ip_bytes(b, q.ip)) strerr_dief2x(100, q.ip, " is not an IP address");
  if (dnsbl_ask(&p->lists, &q, &r) < 0) strerr_diefu1sys(111, "ask");
  for (unsigned i = 0; i < r.n; i++) row(r.v + i);
  printf("sum\t\t%s\t%s\t\n", words[dnsbl_action(p, r.score)],
         dnsbl_score_show(score, r.score));
  if (fflush(stdout)) strerr_diefu1sys(111, "write to stdout");
  return 0;
}

static int family_of(dnsbl_list const *l, unsigned f)
{
  return l->what & (f == 0   ? DNSBL_IP4
                    : f == 1 ? DNSBL_IP6
                             : DNSBL_HELO | DNSBL_SENDER);
}

static int test(dnsbl_policy *p)
{
  static char const *const names[] = {"ip4", "ip6", "names"};
  int broken = 0;
  if (dnsbl_test(&p->lists, p->period) < 0) strerr_diefu1sys(111, "ask");
  for (unsigned i = 0; i < p->lists.n; i++)
    for (unsigned f = 0; f < 3; f++) {
      dnsbl_list const *l = p->lists.v + i;
      char const *why = *l->state[f].why   ? l->state[f].why
                        : l->no_test       ? "not tested"
                        : l->state[f].good ? "ok"
                                           : "no answer";
      if (!family_of(l, f)) continue;
      broken |= !l->state[f].good && !l->no_test;
      printf("%s\t%s\t%s\n", l->shown, names[f], why);
    }
  if (fflush(stdout)) strerr_diefu1sys(111, "write to stdout");
  return broken;
}

int main(int argc, char const *const *argv)
{
  static dnsbl_policy p = {
      .junk = 1000, .reject = DNSBL_SCORE_MAX + 1, .period = DNSBL_PERIOD_MS};
  subgetopt g = SUBGETOPT_ZERO;
  unsigned seconds;
  int opt, what = 0;
  PROG = "dnsbl-check";
  while ((opt = subgetopt_r(argc, argv, "l:z:j:r:i:eqt", &g)) != -1)
    switch (opt) {
    case 'l': file(&p.lists, g.arg); break;
    case 'z': one(&p.lists, g.arg); break;
    case 'j': threshold(&p.junk, g.arg); break;
    case 'r': threshold(&p.reject, g.arg); break;
    case 'i':
      if (!uint0_scan(g.arg, &seconds)) dieusage();
      p.period = (io_time)seconds * 1000;
      break;
    case 'e': p.early = 1; break;
    case 'q':
    case 't': what = opt; break;
    default: dieusage();
    }
  argc -= g.ind;
  argv += g.ind;
  if (what == 'q' ? argc < 1 || argc > 3 : argc != 0) dieusage();
  if (what && !p.lists.n) strerr_dief1x(100, "no lists: -l or -z names them");
  confine();
  return what == 'q'   ? query(&p, argc, argv)
         : what == 't' ? test(&p)
                       : dnsbl_filter_run(&p);
}
