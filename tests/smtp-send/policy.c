/* needs: smtp-send/policy.o smtp-send/sts.o smtp-send/outcome.o */
/* What is required of a host, of all that its domain, our tables and the sender
   say: what smtp-send-dane.t does not reach, as long as it takes a service or
   missing memory to. */
#include <errno.h>

#include "mutate.h"
#include "nomem.h"
#include "smtp-send/policy.h"

#define POLICY "version: STSv1\nmode: enforce\nmx: mx.a.test\nmax_age: 604800\n"

/* What sts-fetch and DNS would say; no text: sts-fetch is not there. */
/* A policy lives as long as its process: nothing frees one. */
char const *__asan_default_options(void);
char const *__asan_default_options(void)
{
  return "detect_leaks=0";
}

static char const *text;
static int dane_says;

int sts_ask(sts *to, char const *socket, char const *domain, int again)
{
  (void)socket, (void)domain, (void)again;
  return text ? sts_read(to, text, strlen(text)) : (errno = ENOENT, -1);
}

int dane_find(dane *d, mx const *m)
{
  d->records.len = 0;
  snprintf(d->base, sizeof d->base, "%s", m->host);
  if (dane_says == DANE_USABLE &&
      !stralloc_catb(&d->records, "tlsa=3 0 0 0", 13))
    return DANE_TEMP;
  return dane_says;
}

static policy p = POLICY_ZERO;
static mx const host = {.host = "a.test", .port = "25", .trusted = 1};

/* A destination, and what its host must be like: 1; else the reply's code */
static int wanted(mx const *m, unsigned flags)
{
  outcome o = {0};
  return policy_destination(&p, m, flags, &o) && policy_host(&p, m, &o)
             ? 1
             : o.code;
}

static void by_sts(void)
{
  mx m = {.domain = "d.test", .host = "mx.a.test", .port = "25"};
  p.sts_socket = "x";
  dane_says = DANE_NONE;
  text = "version: STSv1\nmode: none\nmax_age: 1\n";
  is_int(wanted(&m, 0), 1, "no MTA-STS policy");
  is_str(p.need.policy, "none", "nothing is required");
  is_int(wanted(&m, POLICY_REQUIRETLS), 550,
         "RFC 8689 4.2.1: nobody vouches for the host");
  text = POLICY;
  is_int(wanted(&m, 0), 1, "RFC 8461 4.1: one of its hosts");
  ok(!strcmp(p.need.policy, "sts") && p.need.level == TLS_AUTHENTICATED &&
         !strcmp(p.need.verify, "pkix"),
     "4.2: its certificate must be valid");
  is_int(wanted(&m, POLICY_REQUIRETLS), 1, "it vouches for the host");
  p.own.no_sts = 0;
  strcpy(m.host, "x.a.test");
  is_int(wanted(&m, 0), 451, "5: not one of its hosts");
  is_int(wanted(&m, POLICY_RELAXED), 1, "RFC 8689 5: TLS-Required: No");
  text = "version: STSv1\nmode: testing\nmax_age: 1\n"
         "mx: a.test\n";
  is_int(wanted(&m, 0), 1, "a policy that is tested requires nothing");
  is_str(p.need.policy, "sts-testing", "but is told");
  p.all.mx = MX_MTASTS;
  is_int(wanted(&m, 0), 451, "mx=mtasts wants one that names the host");
  p.all.mx = MX_DNSSEC;
  is_int(wanted(&m, 0), 451, "mx=dnssec wants more");
  p.all.mx = MX_NONE;
  text = 0;
  is_int(wanted(&m, 0), 451, "nobody knows whether there is one");
  p.all.no_sts = 1;
  is_int(wanted(&m, 0), 1, "sts=no: it is not asked for");
  p.all.no_sts = 0;
  text = 0;
  m.given = 1;
  is_int(wanted(&m, 0), 1, "a host that was given has none");
}

static void by_table(void)
{
  mx m = host;
  dane_says = DANE_TEMP;
  p.table.path = "/nonexistent/policies.cdb";
  is_int(wanted(&m, 0), 451, "TLSA: nobody knows");
  p.sts_socket = 0;
  p.all.no_dane = 1;
  p.all.strict = 1;
  is_int(wanted(&m, POLICY_RELAXED), 1, "no table is no policy");
  is_int(p.need.relaxed, 0, "tls-required=ignore");
  p.table.path = "/dev/null/x";
  is_int(wanted(&m, 0), 451, "a table that cannot be read is none of either");
  p = (policy)POLICY_ZERO;
}

/* DANE, and then a name of our own */
static int policy_starved(void)
{
  outcome o = {0};
  mx m = host;
  int r, again = 0;
  strcpy(m.domain, "a.test");
  dane_says = DANE_USABLE;
  r = policy_destination(&p, &m, 0, &o) && policy_host(&p, &m, &o);
  if (r && strcmp(p.need.policy, "dane")) again = 1;
  if (r) r = tls_policy_words(&p.all, BYTES("name=b.test")) > 0;
  r = r && policy_destination(&p, &m, 0, &o) && policy_host(&p, &m, &o);
  r = nomem_judge(r ? 1 : -1, !again && r && !strcmp(p.need.verify, "must"));
  stralloc_free(&p.dane.records);
  stralloc_free(&p.need.options);
  stralloc_free(&p.all.must);
  stralloc_free(&p.own.must);
  p = (policy)POLICY_ZERO;
  return r;
}

int main(void)
{
  by_sts();
  by_table();
  nomem_each(policy_starved, "policy_host");
  return done();
}
