#include <stdio.h>
#include <string.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>

#include "addr.h"
#include "conf.h"
#include "mx.h"
#include "policy.h"

#define USAGE                                                                  \
  "mx-find [ -4 ] [ -p port ] [ -S socket ] [ -f policies.cdb ] "              \
  "[ -L word,… ] domain"
#define dieusage() strerr_dieusage(100, USAGE)

typedef struct options {
  policy policy;
  char const *port;
  int only4;
} options;

static int fail(outcome const *o)
{
  printf("%d %s\n", o->code, o->text);
  return o->code / 100 == 5 ? 1 : 111;
}

/* What TLS to the host must be like, and who says so */
static void show_need(policy const *p)
{
  tls_need const *n = &p->need;
  printf(" policy=%s tls=%s", n->policy, tls_policy_tls(n->level));
  if (p->found == DANE_USABLE)
    printf(": %u TLSA records of %s", p->dane.n, p->dane.base);
  else if (p->found == DANE_UNUSABLE)
    printf(": TLSA records of %s that are of no use", p->dane.base);
  else if (n->level > TLS_NONE)
    printf(": %s", n->who);
  if (p->found == DANE_NONE && *p->dane.why)
    printf("; no DANE: %s", p->dane.why);
  putchar('\n');
}

/* The host that m has come to, with the addresses from a on */
static int show_host(options *o, mx *m, mx_address const *a)
{
  outcome no = {0};
  int good = policy_host(&o->policy, m, &no);
  printf("host %s", m->host);
  if (!m->given) printf(" preference=%u", m->hosts[m->next - 1].preference);
  printf(" addresses=%s", a->ip);
  for (unsigned i = m->addresses_next; i < m->addresses_n; i++)
    printf(",%s", m->addresses[i].ip);
  mx_skip_host(m);
  printf(" signed=%s", m->literal ? "-" : m->secure ? "yes" : "no");
  if (good)
    show_need(&o->policy);
  else
    printf(" not tried: %d %s\n", no.code, no.text);
  return good;
}

static int show(options *o, char const *domain)
{
  mx m = {.port = o->port, .only4 = o->only4, .me = conf_me()};
  mx_address a;
  outcome all = {0};
  policy *p = &o->policy;
  int some = 0;
  if (!mx_domain(&m, domain, &all) || !policy_destination(p, &m, 0, &all))
    return fail(&all);
  printf("domain %s mx=%s", m.domain,
         m.literal   ? "address"
         : m.trusted ? "signed"
                     : "unsigned");
  printf(" our policy: tls=%s mx=%s%s\n", tls_policy_tls(p->own.tls),
         tls_policy_mx(p->own.mx),
         p->own.must.len ? ", a certificate by name or fingerprint" : "");
  while (mx_next(&m, &a, &all)) some |= show_host(o, &m, &a);
  printf("sts %s: %s\n", p->known ? sts_mode(p->sts.mode) : "-",
         p->known ? p->sts.why : "not asked for");
  if (all.code) printf("%d %s\n", all.code, all.text);
  return some ? 0 : all.code / 100 == 5 ? 1 : 111;
}

int main(int argc, char const *const *argv)
{
  static options o = {.port = "25", .policy = POLICY_ZERO};
  subgetopt g = SUBGETOPT_ZERO;
  stralloc key = STRALLOC_ZERO;
  char const *domain;
  int opt;
  PROG = "mx-find";
  o.policy.sts_socket = conf_asked("sts");
  o.policy.table.path = conf_table("policies.cdb");
  while ((opt = subgetopt_r(argc, argv, "4p:S:f:L:", &g)) != -1) switch (opt) {
    case '4': o.only4 = 1; break;
    case 'p': o.port = g.arg; break;
    case 'S': o.policy.sts_socket = *g.arg ? g.arg : 0; break;
    case 'f': o.policy.table.path = *g.arg ? g.arg : 0; break;
    case 'L':
      if (tls_policy_words(&o.policy.all, g.arg, strlen(g.arg)) <= 0)
        dieusage();
      break;
    default: dieusage();
    }
  if (argc - g.ind != 1) dieusage();
  domain = argv[g.ind];
  if (*domain != '[') {
    if (addr_domain_key(&key, domain, strlen(domain)) <= 0 || !stralloc_0(&key))
      strerr_dief2x(100, domain, " is not a domain");
    domain = key.s;
  }
  return show(&o, domain);
}
