#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>

#include "confine.h"
#include "filter.h"
#include "ip.h"
#include "log.h"
#include "rdns.h"

#define USAGE "rdns-check [ -r result=action,… ]  or  rdns-check -q ip [ helo ]"
#define dieusage() strerr_dieusage(100, USAGE)

#define RDNS_MS 10000

enum { HELO = RDNS_PERMERROR + 1, WORDS };

static char const *const words[WORDS] = {"pass", "fail", "temperror",
                                         "permerror", "helo"};

typedef struct check {
  enum rdns_result result;
  int matched;          /* a verified name is that in EHLO */
  char name[RDNS_NAME]; /* that one, or the first verified, or the first */
} check;

static void look_up(check *c, char const *ip, char const *helo)
{
  stralloc names = STRALLOC_ZERO;
  size_t at = 0;
  c->matched = 0;
  c->result = rdns_names(&names, c->name, ip, io_after(RDNS_MS));
  while (at < names.len && strcasecmp(names.s + at, helo))
    at += strlen(names.s + at) + 1;
  c->matched = at < names.len;
  if (names.len)
    snprintf(c->name, sizeof c->name, "%s", names.s + (c->matched ? at : 0));
  stralloc_free(&names);
}

static void explain(char *to, size_t size, check const *c, char const *ip)
{
  switch (c->result) {
  case RDNS_PASS:
    snprintf(to, size, "%s and %s name each other", ip, c->name);
    break;
  case RDNS_FAIL:
    snprintf(to, size, "%s is not an address of %s", ip, c->name);
    break;
  case RDNS_TEMPERROR:
    snprintf(to, size, "No answer from DNS for the name of %s", ip);
    break;
  default: snprintf(to, size, "%s has no name", ip);
  }
}

/* RFC 8601 2.7.3 and its comment (RFC 5322 3.2.2). */
static int result(filter *f, check const *c, char const *ip)
{
  char comment[RDNS_NAME], s[RDNS_NAME + 128];
  parcel_clean(comment, sizeof comment, c->name, strlen(c->name));
  for (char *p = comment; *p; p++)
    if (strchr("()\\", *p)) *p = '?';
  snprintf(s, sizeof s, "iprev=%s policy.iprev=%s%s%s%s", words[c->result], ip,
           *comment ? " (" : "", comment, *comment ? ")" : "");
  return filter_result(f, s);
}

/* A name that is one of DNS in plain letters, for P. */
static int plain(char const *s)
{
  return *s &&
         s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                     "0123456789.-_")] == 0;
}

/* RFC 7372 3.3: X.7.25 */
static int verdict(filter *f, check const *c, char const *why, char const *helo)
{
  filter_action const *action = f->data;
  char text[PARCEL_REPLY];
  if (c->result != RDNS_PASS)
    return filter_verdict(f, action[c->result], FILTER_ALL, "7.25", why);
  if (c->matched) return 1;
  snprintf(text, sizeof text, "%s is not the name of the client, that is %s",
           *helo ? helo : "Nothing", c->name);
  return filter_verdict(f, action[HELO], FILTER_ALL, "7.25", text);
}

static int client(filter *f)
{
  char const *ip = filter_fact(f, "ip"), *helo = filter_fact(f, "helo");
  char why[PARCEL_REPLY];
  check c;
  if (f->trusted || ip_kind(ip) != IP_PUBLIC) return 1;
  look_up(&c, ip, helo);
  explain(why, sizeof why, &c, ip);
  log_info("trace=%s ip=%s helo=%s iprev=%s helo-match=%s: %s",
           filter_fact(f, "id"), ip, helo, words[c.result],
           c.matched ? "yes" : "no", why);
  if (c.result == RDNS_PASS && plain(c.name) &&
      filter_add_fact(f, "rdns", c.name) < 0)
    return -1;
  if (result(f, &c, filter_fact(f, "ip")) < 0) return -1;
  return verdict(f, &c, why, filter_fact(f, "helo"));
}

static int query(char const *ip, char const *helo)
{
  char why[PARCEL_REPLY], clean[PARCEL_REPLY];
  unsigned char b[16];
  check c;
  if (!ip_bytes(b, ip)) strerr_dief2x(100, ip, " is not an IP address");
  look_up(&c, ip, helo);
  explain(why, sizeof why, &c, ip);
  parcel_clean(clean, sizeof clean, why, strlen(why));
  printf("%s\t%s%s\n", words[c.result], clean,
         c.result != RDNS_PASS || !*helo ? ""
         : c.matched                     ? ", as EHLO says"
                                         : ", not what EHLO says");
  if (fflush(stdout)) strerr_diefu1sys(111, "write to stdout");
  return 0;
}

int main(int argc, char const *const *argv)
{
  filter_action action[WORDS] = {FILTER_IGNORE};
  filter f = {.data = action, .connect = client};
  subgetopt g = SUBGETOPT_ZERO;
  int opt, ask = 0;
  PROG = "rdns-check";
  while ((opt = subgetopt_r(argc, argv, "qr:", &g)) != -1) switch (opt) {
    case 'q': ask = 1; break;
    case 'r':
      if (!filter_actions_scan(action, words, WORDS, g.arg)) dieusage();
      break;
    default: dieusage();
    }
  argc -= g.ind;
  argv += g.ind;
  if (ask ? argc < 1 || argc > 2 : argc != 0) dieusage();
  confine();
  return ask ? query(argv[0], argc == 2 ? argv[1] : "") : filter_run(&f);
}
