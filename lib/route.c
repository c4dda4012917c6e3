#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/stralloc.h>

#include "addr.h"
#include "route-find.h"
#include "route.h"

/* Memory and time stay bounded whatever the tables say. */
#define ROUTE_VISITS (2 * ROUTE_TARGETS)

/* An address of ours that was looked up; open: its targets are being walked */
typedef struct visit {
  size_t pos, len; /* of its key in keys */
  uint32_t hash;
  int open, result;
} visit;

typedef struct walk {
  table *t;
  stralloc keys;
  visit *visits;
  size_t nvisits;
  stralloc addresses; /* of the targets, each ends with NUL */
  size_t target[ROUTE_TARGETS];
  unsigned char local[ROUTE_TARGETS];
  size_t ntargets;
  unsigned depth, dropped;
} walk;

static int visit_address(walk *w, char const *key, size_t len);

static uint32_t hash(char const *s, size_t len)
{
  uint32_t h = 2166136261u;
  while (len--) h = (h ^ (unsigned char)*s++) * 16777619u;
  return h;
}

static int add_target(walk *w, char const *address, size_t len, int local)
{
  size_t i;
  for (i = 0; i < w->ntargets; i++) {
    char const *have = w->addresses.s + w->target[i];
    if (w->local[i] == local && strlen(have) == len &&
        !memcmp(have, address, len))
      return ROUTE_OK;
  }
  if (w->ntargets == ROUTE_TARGETS) return ROUTE_TOOMANY;
  w->target[w->ntargets] = w->addresses.len;
  w->local[w->ntargets++] = (unsigned char)local;
  if (!stralloc_catb(&w->addresses, address, len) || !stralloc_0(&w->addresses))
    return ROUTE_TEMP;
  return ROUTE_OK;
}

static visit *find_visit(walk *w, char const *key, size_t len)
{
  uint32_t h = hash(key, len);
  size_t i;
  for (i = 0; i < w->nvisits; i++) {
    visit *v = w->visits + i;
    if (v->hash == h && v->len == len && !memcmp(w->keys.s + v->pos, key, len))
      return v;
  }
  return 0;
}

static visit *new_visit(walk *w, char const *key, size_t len)
{
  visit *v = w->visits + w->nvisits;
  *v = (visit){.pos = w->keys.len,
               .len = len,
               .hash = hash(key, len),
               .open = 1,
               .result = ROUTE_UNKNOWN};
  if (!stralloc_catb(&w->keys, key, len)) return 0;
  w->nvisits++;
  return v;
}

static int first_domain(table *t, char const **s, size_t *len)
{
  return table_get(t, "D", 1, s, len);
}

/* LOCAL at our first domain, unless that is the domain it was sought in */
static int at_first_domain(walk *w, char const *local, size_t len,
                           char const *domain, size_t domainlen)
{
  stralloc key = STRALLOC_ZERO;
  char const *first;
  size_t firstlen;
  int r = first_domain(w->t, &first, &firstlen);
  if (r < 0) return ROUTE_TEMP;
  if (!r || (firstlen == domainlen && !memcmp(first, domain, firstlen)))
    return ROUTE_UNKNOWN;
  r = ROUTE_TEMP;
  if (stralloc_catb(&key, local, len) && stralloc_append(&key, '@') &&
      stralloc_catb(&key, first, firstlen))
    r = visit_address(w, key.s, key.len);
  stralloc_free(&key);
  return r;
}

/* An address with a domain: ours or another's */
static int whole_target(walk *w, char const *s, size_t len)
{
  stralloc key = STRALLOC_ZERO;
  int r = addr_key(&key, s, len);
  if (r > 0) {
    size_t at = addr_at(key.s, key.len) + 1;
    r = route_domain_local(w->t, key.s + at, key.len - at);
    if (r >= 0)
      r = r ? visit_address(w, key.s, key.len) : add_target(w, s, len, 0);
  }
  stralloc_free(&key);
  return r;
}

/* A target without a domain is sought in the domain of the alias's address,
   then in our first. */
static int bare_target(walk *w, char const *s, size_t len,
                       stralloc const *domain)
{
  stralloc key = STRALLOC_ZERO;
  size_t n;
  int r = addr_key(&key, s, len);
  if (r > 0) {
    n = key.len;
    r = ROUTE_TEMP;
    if (stralloc_append(&key, '@') && stralloc_cat(&key, domain))
      r = visit_address(w, key.s, key.len);
    if (r == ROUTE_UNKNOWN || r == ROUTE_LOOP) {
      int first = at_first_domain(w, key.s, n, domain->s, domain->len);
      if (first != ROUTE_UNKNOWN) r = first;
    }
  }
  stralloc_free(&key);
  return r;
}

static int each_target(walk *w, route_step *s)
{
  size_t pos = 0;
  int all = ROUTE_UNKNOWN;
  while (pos < s->targetslen) {
    char const *target = s->targets + pos;
    size_t len = strnlen(target, s->targetslen - pos);
    int r = addr_at(target, len) < len
                ? whole_target(w, target, len)
                : bare_target(w, target, len, &s->domain);
    if (r == ROUTE_TEMP || r == ROUTE_TOOMANY) return r;
    if (r != ROUTE_OK) w->dropped++;
    if (all != ROUTE_OK && r != ROUTE_UNKNOWN) all = r;
    pos += len + 1;
  }
  return all;
}

static int postmaster(walk *w, route_step *s)
{
  static char const name[] = "postmaster";
  if (s->local.len != strlen(name) || memcmp(s->local.s, name, s->local.len))
    return ROUTE_UNKNOWN;
  return at_first_domain(w, name, strlen(name), s->domain.s, s->domain.len);
}

static int follow(walk *w, route_step *s, int found)
{
  switch (found) {
  case ROUTE_ALIAS: return each_target(w, s);
  case ROUTE_ACCOUNT: return add_target(w, s->key.s + 1, s->key.len - 2, 1);
  case ROUTE_NOTHING: return postmaster(w, s);
  default: return ROUTE_TEMP;
  }
}

/* Comes back to an address whose targets are being walked: that is how an
   alias names the account of its own name; else it is a loop. */
static int come_back(walk *w, char const *key, size_t len)
{
  route_step s = ROUTE_STEP_ZERO;
  int r = route_step_init(&s, key, len);
  if (r > 0) r = route_find_account(w->t, &s);
  if (r >= 0) r = r == ROUTE_ACCOUNT ? follow(w, &s, r) : ROUTE_LOOP;
  route_step_free(&s);
  return r;
}

/* key: the addr_key of an address in a domain of ours */
static int visit_address(walk *w, char const *key, size_t len)
{
  route_step s = ROUTE_STEP_ZERO;
  visit *v = find_visit(w, key, len);
  int r;
  if (v) return v->open ? come_back(w, key, len) : v->result;
  if (w->depth >= ROUTE_DEPTH) return ROUTE_LOOP;
  if (w->nvisits == ROUTE_VISITS) return ROUTE_TOOMANY;
  v = new_visit(w, key, len);
  if (!v) return ROUTE_TEMP;
  w->depth++;
  r = route_step_init(&s, key, len);
  if (r > 0) r = follow(w, &s, route_find(w->t, &s));
  route_step_free(&s);
  w->depth--;
  v->open = 0;
  v->result = r;
  return r;
}

static int start(walk *w, char const *address)
{
  stralloc key = STRALLOC_ZERO;
  size_t len = strlen(address), at;
  int r = addr_key(&key, address, len);
  if (r > 0 && (at = addr_at(key.s, key.len)) == key.len) {
    r = ROUTE_UNKNOWN;
    if (key.len == 10 && !memcmp(key.s, "postmaster", 10))
      r = at_first_domain(w, key.s, key.len, "", 0);
  } else if (r > 0) {
    r = route_domain_local(w->t, key.s + at + 1, key.len - at - 1);
    if (r >= 0) r = r ? visit_address(w, key.s, key.len) : ROUTE_FOREIGN;
  }
  stralloc_free(&key);
  return r;
}

static int give_out(walk *w, route_list *to)
{
  size_t i;
  to->v = calloc(w->ntargets, sizeof *to->v);
  if (!to->v) return ROUTE_TEMP;
  to->n = w->ntargets;
  to->memory = w->addresses.s;
  for (i = 0; i < to->n; i++)
    to->v[i] = (route_target){w->local[i], w->addresses.s + w->target[i]};
  w->addresses = (stralloc)STRALLOC_ZERO;
  return ROUTE_OK;
}

int route_address(table *t, char const *address, route_list *to,
                  unsigned *dropped)
{
  walk *w = calloc(1, sizeof *w);
  int r = ROUTE_TEMP, e;
  *to = (route_list){0};
  *dropped = 0;
  if (w) w->visits = calloc(ROUTE_VISITS, sizeof *w->visits);
  if (w && w->visits) {
    w->t = t;
    r = start(w, address);
    if (r == ROUTE_OK) r = give_out(w, to);
    *dropped = w->dropped;
  }
  e = errno;
  if (w) {
    stralloc_free(&w->keys);
    stralloc_free(&w->addresses);
    free(w->visits);
    free(w);
  }
  return errno = e, r;
}

void route_free(route_list *to)
{
  free(to->v);
  free(to->memory);
  *to = (route_list){0};
}

int route_domain_local(table *t, char const *domain, size_t len)
{
  stralloc key = STRALLOC_ZERO;
  char const *value;
  size_t n;
  int r = stralloc_append(&key, 'd') ? addr_domain_key(&key, domain, len) : -1;
  if (r > 0) r = table_get(t, key.s, key.len, &value, &n);
  stralloc_free(&key);
  return r;
}

int route_account_get(table *t, char const *name, route_account *a)
{
  stralloc key = STRALLOC_ZERO;
  char const *value;
  size_t n;
  int r = stralloc_append(&key, 'u') && stralloc_cats(&key, name) ? 1 : -1;
  if (r > 0) r = table_get(t, key.s, key.len, &value, &n);
  stralloc_free(&key);
  if (r <= 0) return r;
  if (!n || *value != '/' || !memchr(value, 0, n)) return errno = EPROTO, -1;
  *a = (route_account){name, value};
  return 1;
}
