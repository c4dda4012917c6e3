#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ip.h"
#include "log.h"
#include "policy.h"

/* Adds the words of the table's entry for key: 1, 0 if there is none, -1 */
static int entry(policy *p, table *t, char const *key, size_t len)
{
  char const *s;
  size_t n;
  int r = table_get(t, key, len, &s, &n);
  if (r <= 0) return r;
  r = tls_policy_words(&p->own, s, n);
  return r > 0 ? 1 : (errno = r ? ENOMEM : EPROTO, -1);
}

/* "a.b.test", ".b.test", ".test", "*" */
static int local(policy *p, char const *domain)
{
  table *t;
  int r = 0;
  stralloc must = p->own.must;
  p->own = p->all;
  p->own.must = must;
  if (!stralloc_copy(&p->own.must, &p->all.must)) return -1;
  if (!p->table.path) return 1;
  t = fresh_table_get(&p->table);
  if (!t) return errno == ENOENT ? 1 : -1;
  for (char const *s = domain; s && r == 0; s = strchr(s + 1, '.'))
    r = entry(p, t, s, strlen(s));
  if (r == 0) r = entry(p, t, "*", 1);
  return r < 0 ? -1 : 1;
}

/* Asked for again, because a host does not fit, or once a destination. */
static int ask_sts(policy *p, mx const *m, int again, outcome *o)
{
  p->sts.mode = STS_NONE;
  p->sts.mx.len = 0;
  snprintf(p->sts.why, sizeof p->sts.why, "not asked");
  if (m->given || !p->sts_socket || p->own.no_sts) return 1;
  if (sts_ask(&p->sts, p->sts_socket, m->domain, again) > 0) return 1;
  log_warnsys("unable to ask %s for the policy of %s", p->sts_socket,
              m->domain);
  snprintf(p->sts.why, sizeof p->sts.why, "unable to ask: %s", strerror(errno));
  outcome_set(o, 451, "4.3.0 The MTA-STS policy of %s cannot be had now",
              m->domain);
  return 0;
}

int policy_destination(policy *p, mx const *m, unsigned flags, outcome *o)
{
  p->flags = flags;
  p->known = 0;
  if (local(p, m->domain) > 0) {
    if (p->own.strict) p->flags &= ~(unsigned)POLICY_RELAXED;
    return 1;
  }
  log_warnsys("unable to read %s", p->table.path);
  outcome_set(o, 451, "4.3.0 Our policy for %s cannot be read", m->domain);
  return 0;
}

/* Who requires it, and what would change that. */
static void demand(policy *p, mx const *m, int level, char const *who,
                   char const *word)
{
  tls_need *n = &p->need;
  if (level <= n->level) return;
  n->level = level;
  snprintf(n->who, sizeof n->who, "%s", who);
  snprintf(n->hint, sizeof n->hint, "%s: %s", m->domain, word);
}

/* 1; 0: not this host */
static int by_dane(policy *p, mx const *m, outcome *o)
{
  p->dane.why = "policies(5) says dane=no";
  p->found = p->own.no_dane ? DANE_NONE : dane_find(&p->dane, m);
  switch (p->found) {
  case DANE_TEMP:
    outcome_set(o, 451, "4.4.3 No answer from DNS for the TLSA records of %s",
                m->host);
    return 0;
  case DANE_USABLE:
    demand(p, m, TLS_AUTHENTICATED, "its TLSA record", "dane=no");
    p->need.verify = "dane";
    p->need.policy = "dane";
    return 1;
  case DANE_UNUSABLE:
    demand(p, m, TLS_ENCRYPTED, "its TLSA record", "dane=no");
    p->need.policy = "dane-unusable";
    return 1;
  default: return 1;
  }
}

static int by_sts(policy *p, mx const *m, outcome *o)
{
  char who[sizeof p->need.who];
  if (!p->known && !ask_sts(p, m, 0, o)) return 0;
  p->known = 1;
  if (p->sts.mode == STS_ENFORCE && !sts_match(&p->sts, m->host) &&
      !ask_sts(p, m, 1, o))
    return 0;
  if (p->sts.mode == STS_NONE) return 1;
  if (p->mx < MX_MTASTS && sts_match(&p->sts, m->host)) p->mx = MX_MTASTS;
  p->need.policy = p->sts.mode == STS_ENFORCE ? "sts" : "sts-testing";
  if (p->sts.mode == STS_TESTING) return 1;
  if (!sts_match(&p->sts, m->host)) {
    outcome_set(o, 451,
                "4.7.5 %s is no host of the MTA-STS policy of %s (in policies, "
                "\"%s: sts=no\" would allow it)",
                m->host, m->domain, m->domain);
    return 0;
  }
  snprintf(who, sizeof who, "the MTA-STS policy of %s", m->domain);
  demand(p, m, TLS_AUTHENTICATED, who, "sts=no");
  p->need.verify = "pkix";
  return 1;
}

/* A password, or a certificate of ours, goes to nobody who is not known,
   whatever else is allowed; nobody listens at an address of this machine that a
   route names. */
static void by_login(policy *p, mx const *m)
{
  if ((!p->login && !p->client) || p->need.level >= TLS_AUTHENTICATED ||
      (!p->client && m->literal && ip_loopback(m->host)))
    return;
  demand(p, m, TLS_AUTHENTICATED,
         p->client ? "its tls= in routes(5)" : "its login in routes(5)", "");
  *p->need.hint = 0;
}

static int by_levels(policy *p, mx const *m, outcome *o)
{
  if (p->mx < p->own.mx) {
    outcome_set(o, 451,
                "4.7.5 %s: our policy wants its name vouched for by %s (in "
                "policies, \"%s: mx=%s\" would allow it)",
                m->host, p->own.mx == MX_DNSSEC ? "DNSSEC" : "MTA-STS",
                m->domain, tls_policy_mx(p->mx));
    return 0;
  }
  demand(p, m, p->own.tls, "our policy",
         p->own.tls == TLS_AUTHENTICATED ? "tls=encrypted" : "tls=none");
  by_login(p, m);
  if (p->need.level < TLS_AUTHENTICATED || p->need.verify) return 1;
  p->need.verify = "pkix";
  p->need.policy = "local";
  return 1;
}

/* RFC 8689 4.2.1 */
static int by_sender(policy *p, mx const *m, outcome *o)
{
  if (!(p->flags & POLICY_REQUIRETLS)) return 1;
  p->need.requiretls = 1;
  p->need.final = p->need.level < TLS_AUTHENTICATED;
  demand(p, m, TLS_AUTHENTICATED, "the sender", "");
  if (!p->need.verify) p->need.verify = "pkix";
  if (p->mx >= MX_MTASTS) return 1;
  outcome_set(o, 550,
              "5.7.30 The hosts of %s are not secured by DNSSEC or MTA-STS, "
              "and the sender requires it",
              m->domain);
  return 0;
}

/* For tls-connect(8). RFC 7672 3.2.2: with DANE the names are that of the
   TLSA records and the domain's. */
static int options(policy *p, mx const *m)
{
  stralloc *to = &p->need.options;
  int by_tlsa = p->need.verify && !strcmp(p->need.verify, "dane");
  char const *name = by_tlsa ? p->dane.base : m->host;
  to->len = 0;
  if (!tls_option(to, "sni", name)) return 0;
  if (p->client && !tls_option(to, "own", p->client)) return 0;
  if (p->own.must.len && !(p->flags & POLICY_RELAXED))
    return stralloc_cat(to, &p->own.must);
  if (!tls_option(to, "host", name)) return 0;
  if (p->need.verify && !tls_option(to, "verify", p->need.verify)) return 0;
  if (!by_tlsa) return 1;
  if (!m->given && !tls_option(to, "name", m->domain)) return 0;
  return stralloc_cat(to, &p->dane.records);
}

static int judge(policy *p, mx const *m, outcome *o)
{
  p->mx = m->trusted ? MX_DNSSEC : MX_NONE;
  if (p->flags & POLICY_RELAXED) return 1;
  if (p->own.must.len) {
    demand(p, m, TLS_AUTHENTICATED, "our policy", "another name or pin");
    p->need.verify = "must";
    p->need.policy = "local";
  } else if (p->client) { /* authorities of our choice; no others */
    p->dane.why = "routes(5) says tls=";
    p->sts.mode = STS_NONE;
  } else if (!by_dane(p, m, o) || (p->found != DANE_USABLE && !by_sts(p, m, o)))
    return 0;
  return by_levels(p, m, o) && by_sender(p, m, o);
}

int policy_host(policy *p, mx const *m, outcome *o)
{
  tls_need *n = &p->need;
  n->level = TLS_NONE;
  n->requiretls = n->final = 0;
  n->relaxed = (p->flags & POLICY_RELAXED) != 0;
  n->policy = "none";
  n->verify = 0;
  *n->who = *n->hint = 0;
  p->found = DANE_NONE;
  if (!judge(p, m, o)) return 0;
  if (options(p, m)) return 1;
  outcome_set(o, 451, "4.3.0 Out of memory");
  return 0;
}
