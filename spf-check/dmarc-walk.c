#include <stdio.h>
#include <string.h>

#include <arpa/nameser.h>

#include "dmarc-walk.h"
#include "dns.h"

#define PREFIX "_dmarc."
#define KEPT 7 /* labels of a longer name, from its parent on: step 4 */

static unsigned labels(char const *s)
{
  unsigned n = 1;
  while ((s = strchr(s, '.'))) n++, s++;
  return n;
}

static char const *parent(char const *domain)
{
  char const *dot = strchr(domain, '.');
  return dot ? dot + 1 : 0;
}

void dmarc_walk_begin(dmarc_walk *w, char const *domain)
{
  char const *s = w->domain;
  *w = (dmarc_walk){.n = 0};
  snprintf(w->domain, sizeof w->domain, "%s", domain);
  w->level[w->n++].domain = s;
  do s = parent(s);
  while (s && labels(s) > KEPT);
  for (; s && w->n < DMARC_QUERIES; s = parent(s)) w->level[w->n++].domain = s;
}

/* Step 2: several records are none. */
static void look(dmarc_level *l, dns_answer const *a)
{
  dmarc_record r;
  unsigned n = 0;
  l->exists = a->status == DNS_OK || a->status == DNS_NODATA;
  l->found = a->status == DNS_TEMP ? DMARC_FAILED : DMARC_NOTHING;
  for (unsigned i = 0; i < a->n; i++)
    if (dmarc_record_read(&r, a->v[i].data, a->v[i].len) && !n++) l->record = r;
  if (n == 1) l->found = DMARC_FOUND;
}

static void recall(dmarc_cache const *c, dmarc_level *l)
{
  for (unsigned i = 0; i < c->n; i++)
    if (!strcmp(c->v[i].domain, l->domain)) {
      char const *domain = l->domain;
      *l = c->v[i].level;
      l->domain = domain;
      return;
    }
}

static void keep(dmarc_cache *c, dmarc_level const *l)
{
  if (c->n == DMARC_CACHE) return;
  snprintf(c->v[c->n].domain, DMARC_DOMAIN, "%s", l->domain);
  c->v[c->n++].level = *l;
}

/* Levels from..to, all at once. */
static void ask(dmarc_walk *w, unsigned from, unsigned to, dmarc_cache *c,
                io_time deadline)
{
  char names[DMARC_QUERIES][sizeof PREFIX + DMARC_DOMAIN];
  dns_question q[DMARC_QUERIES];
  dns_answer a[DMARC_QUERIES];
  dmarc_level *asked[DMARC_QUERIES];
  unsigned n = 0;
  for (unsigned i = from; i < to; i++) {
    recall(c, w->level + i);
    if (w->level[i].found != DMARC_UNASKED) continue;
    snprintf(names[n], sizeof names[n], PREFIX "%s", w->level[i].domain);
    q[n] = (dns_question){names[n], ns_t_txt};
    asked[n++] = w->level + i;
  }
  if (!n) return;
  dns_query_all(a, q, n, deadline);
  for (unsigned i = 0; i < n; i++) {
    look(asked[i], a + i);
    keep(c, asked[i]);
    dns_free(a + i);
  }
}

static int ends(dmarc_level const *l)
{
  return l->found == DMARC_FOUND && l->record.psd != 'u';
}

void dmarc_walk_first(dmarc_walk *w, dmarc_cache *c, io_time deadline)
{
  ask(w, 0, 1, c, deadline);
}

void dmarc_walk_rest(dmarc_walk *w, dmarc_cache *c, io_time deadline)
{
  if (!ends(w->level)) ask(w, 1, w->n, c, deadline);
}

unsigned dmarc_walk_length(dmarc_walk const *w)
{
  unsigned n = 0;
  while (n < w->n)
    if (ends(w->level + n++)) break;
  return n;
}

int dmarc_walk_failed(dmarc_walk const *w)
{
  unsigned n = dmarc_walk_length(w);
  for (unsigned i = 0; i < n; i++)
    if (w->level[i].found == DMARC_FAILED) return 1;
  return 0;
}

char const *dmarc_walk_top(dmarc_walk const *w)
{
  unsigned n = dmarc_walk_length(w);
  while (n > 1 && w->level[n - 1].found == DMARC_NOTHING) n--;
  return w->level[n - 1].domain;
}

/* The tail of the walk's domain that has one label more than below. */
static char const *one_more(dmarc_walk const *w, char const *below)
{
  char const *s = below - 1;
  while (s > w->domain && s[-1] != '.') s--;
  return s;
}

char const *dmarc_walk_organization(dmarc_walk const *w,
                                    dmarc_level const **psd)
{
  unsigned n = dmarc_walk_length(w);
  char const *shortest = w->domain;
  *psd = 0;
  for (unsigned i = 0; i < n; i++) {
    dmarc_level const *l = w->level + i;
    if (l->found != DMARC_FOUND) continue;
    if (l->record.psd == 'y' && i) {
      *psd = l;
      return one_more(w, l->domain);
    }
    shortest = l->domain;
  }
  return shortest;
}

dmarc_level const *dmarc_walk_level(dmarc_walk const *w, char const *domain)
{
  for (unsigned i = 0; i < w->n; i++)
    if (!strcmp(w->level[i].domain, domain)) return w->level + i;
  return 0;
}
