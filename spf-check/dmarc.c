#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <arpa/nameser.h>

#include "addr.h"
#include "dmarc.h"
#include "dns.h"

enum aligned { NO, YES, PERHAPS };

char const *dmarc_word(enum dmarc_result r)
{
  static char const *const words[] = {"none", "pass", "fail", "temperror",
                                      "permerror"};
  return words[r];
}

void dmarc_reset(dmarc *d)
{
  d->nids = d->walks = d->cache.n = 0;
  d->from = 0;
}

void dmarc_add(dmarc *d, enum dmarc_method m, int uncertain, char const *domain)
{
  dmarc_id *id = d->id + d->nids;
  if (strlen(domain) >= DMARC_DOMAIN) return;
  for (unsigned i = 0; i < d->nids; i++)
    if (d->id[i].method == m && d->id[i].uncertain == uncertain &&
        !strcmp(d->id[i].domain, domain))
      return;
  if (d->nids == DMARC_IDS) return;
  *id = (dmarc_id){.method = m, .uncertain = uncertain};
  snprintf(id->domain, sizeof id->domain, "%s", domain);
  d->nids++;
}

/* 3.2.13: NXDOMAIN, and nothing else, is no domain. That of the name with
   _dmarc says nothing, another answer to it says that this one exists. */
static void find_existence(dmarc *d, io_time deadline)
{
  dns_answer a = {0};
  d->exists = 1;
  if (d->walk.level->exists) return;
  dns_query(&a, d->walk.domain, ns_t_a, deadline);
  d->exists = a.status == DNS_TEMP ? -1 : a.status != DNS_NXDOMAIN;
  dns_free(&a);
}

/* 4.10.1: the author domain, its organization, its public suffix. */
void dmarc_begin(dmarc *d, char const *author)
{
  io_time deadline = io_after(DMARC_MS);
  dmarc_walk *w = &d->walk;
  dmarc_level const *psd;
  d->from = 0;
  d->below = 0;
  d->exists = 1;
  dmarc_walk_begin(w, author);
  dmarc_walk_first(w, &d->cache, deadline);
  if (w->level->found == DMARC_FOUND) d->from = w->level;
  if (w->level->found == DMARC_NOTHING) dmarc_walk_rest(w, &d->cache, deadline);
  d->failed = !d->from && dmarc_walk_failed(w);
  if (d->from || d->failed) return;
  d->from = dmarc_walk_level(w, dmarc_walk_organization(w, &psd));
  if (!d->from || d->from->found != DMARC_FOUND) d->from = psd;
  d->below = 1;
  if (d->from && d->from->record.np != DMARC_ABSENT)
    find_existence(d, deadline);
}

__attribute__((format(printf, 3, 4))) static void
because(dmarc_answer *a, enum dmarc_result r, char const *fmt, ...)
{
  va_list ap;
  a->result = r;
  va_start(ap, fmt);
  vsnprintf(a->why, sizeof a->why, fmt, ap);
  va_end(ap);
}

/* Relaxed: the same organization. Only what is below the author's can be of
   it, so nothing else is walked for. */
static enum aligned related(dmarc *d, dmarc_id const *id, io_time deadline)
{
  dmarc_walk w;
  dmarc_level const *psd;
  char const *own;
  dmarc_walk_rest(&d->walk, &d->cache, deadline);
  own = dmarc_walk_organization(&d->walk, &psd);
  if (dmarc_walk_failed(&d->walk))
    return addr_domain_within(id->domain, dmarc_walk_top(&d->walk)) ? PERHAPS
                                                                    : NO;
  if (!addr_domain_within(id->domain, own) || ++d->walks > DMARC_WALKS)
    return NO;
  dmarc_walk_begin(&w, id->domain);
  dmarc_walk_first(&w, &d->cache, deadline);
  dmarc_walk_rest(&w, &d->cache, deadline);
  if (dmarc_walk_failed(&w)) return PERHAPS;
  return strcmp(dmarc_walk_organization(&w, &psd), own) ? NO : YES;
}

static enum aligned aligned(dmarc *d, dmarc_id const *id, io_time deadline)
{
  dmarc_record const *r = &d->from->record;
  char mode = id->method == DMARC_SPF ? r->aspf : r->adkim;
  if (!strcmp(id->domain, d->walk.domain)) return YES;
  return mode == 's' ? NO : related(d, id, deadline);
}

static dmarc_id const *identical(dmarc const *d)
{
  for (unsigned i = 0; i < d->nids; i++)
    if (!d->id[i].uncertain && !strcmp(d->id[i].domain, d->walk.domain))
      return d->id + i;
  return 0;
}

/* The identifier that makes it pass, or 0; *perhaps is one that might. */
static dmarc_id const *find(dmarc *d, dmarc_id const **perhaps)
{
  io_time deadline = io_after(DMARC_MS);
  dmarc_id const *same = identical(d);
  *perhaps = 0;
  for (unsigned i = 0; !same && i < d->nids; i++) {
    dmarc_id const *id = d->id + i;
    enum aligned al = aligned(d, id, deadline);
    if (al == YES && !id->uncertain) same = id;
    if (al != NO) *perhaps = id;
  }
  return same;
}

static char const *method(dmarc_id const *id)
{
  return id->method == DMARC_SPF ? "SPF" : "DKIM";
}

static void judge(dmarc *d, dmarc_answer *a)
{
  dmarc_record const *r = &d->from->record;
  char const *author = d->walk.domain;
  dmarc_id const *perhaps, *id = find(d, &perhaps);
  enum dmarc_policy other = dmarc_record_policy(r, d->below, 1);
  a->published = dmarc_record_policy(r, d->below, d->exists != 0);
  if (d->exists < 0) { /* the milder one, for what it is shown as */
    enum dmarc_policy np = dmarc_record_policy(r, d->below, 0);
    a->published = np < other ? np : other;
    other = np < other ? other : np;
  }
  a->policy = dmarc_policy_tested(r, a->published);
  a->harmless = dmarc_policy_tested(r, other) == DMARC_POLICY_NONE &&
                a->policy == DMARC_POLICY_NONE;
  if (id)
    because(a, DMARC_PASS, "%s vouches for %s", method(id), id->domain);
  else if (perhaps)
    because(a, DMARC_TEMPERROR, "no answer from DNS about %s of %s",
            method(perhaps), perhaps->domain);
  else if (d->exists < 0 && a->published != other)
    because(a, DMARC_TEMPERROR, "no answer from DNS whether %s exists", author);
  else
    because(a, DMARC_FAIL,
            "neither SPF nor DKIM vouches for %s; the policy of %s is %s",
            author, a->at, dmarc_policy_word(a->policy));
}

void dmarc_end(dmarc *d, dmarc_answer *a)
{
  char const *author = d->walk.domain;
  *a = (dmarc_answer){.result = DMARC_NONE};
  if (d->failed) {
    a->harmless = identical(d) != 0;
    because(a, DMARC_TEMPERROR, "no answer from DNS for the policy of %s",
            author);
  } else if (!d->from) {
    because(a, DMARC_NONE, "%s has no policy", author);
  } else if (d->from->record.unusable) {
    because(a, DMARC_NONE, "the policy of %s is none that can be",
            d->from->domain);
  } else {
    a->at = d->from->domain;
    judge(d, a);
  }
}
