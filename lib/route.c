#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <skalibs/stralloc.h>
#include <skalibs/types.h>

#include "addr.h"
#include "conf.h"
#include "route-ask.h"
#include "route-find.h"
#include "route-match.h"
#include "route-walk.h"
#include "srs.h"

static int visit_address(walk *w, char const *key, size_t len);

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
    if (r > 0) {
      r = visit_address(w, key.s, key.len);
    } else if (!r) {
      walk_tell(w, "%.*s: elsewhere", (int)len, s);
      r = walk_add(w, s, len, 0);
    }
  } else if (!r) {
    walk_tell(w, "%.*s: not an address", (int)len, s);
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
  } else if (!r) {
    walk_tell(w, "%.*s: not an address", (int)len, s);
  }
  stralloc_free(&key);
  return r;
}

/* @DOMAIN: the same local part there */
static int domain_target(walk *w, char const *s, size_t len,
                         route_step const *step)
{
  stralloc to = STRALLOC_ZERO;
  int r =
      step->local.len ? addr_local_put(&to, step->local.s, step->local.len) : 0;
  if (r > 0) r = stralloc_catb(&to, s, len) ? 1 : -1;
  if (r > 0) r = whole_target(w, to.s, to.len);
  stralloc_free(&to);
  return r;
}

static int targets(walk *w, route_step *s, char const *list, size_t len);

/* The program behind a socket, about the address and then without its tag */
static int ask(walk *w, route_step *s, char const *name, size_t len)
{
  stralloc key = STRALLOC_ZERO, answer = STRALLOC_ZERO;
  size_t n = s->local.len;
  int r = -1;
  if (w->deadline == IO_FOREVER) w->deadline = io_after(ROUTE_MS);
  for (;;) {
    key.len = 0;
    if (w->asked++ == ROUTE_ASKS) {
      r = ROUTE_TOOMANY;
      break;
    }
    if (route_step_key(s, n, &key) > 0)
      r = ask_socket(name, len, key.s, key.len, &answer, w->deadline);
    walk_tell(w, "%.*s: %s of %.*s", (int)key.len, key.s,
              r > 0   ? "answered"
              : r < 0 ? "no answer"
                      : "unknown to the program",
              (int)len, name);
    if (r || n < s->local.len) break;
    if (route_untagged(w->t, s, &n) < 0) r = -1;
    if (r || n == s->local.len) break;
  }
  if (r == 1) r = targets(w, s, answer.s, answer.len);
  stralloc_free(&key);
  stralloc_free(&answer);
  return r;
}

#define SOCKET ":socket="
#define KEEP ":keep-sender"

static int is(char const *s, size_t len, char const *word)
{
  return len == strlen(word) && !memcmp(s, word, len);
}

static int one_target(walk *w, route_step *s, char const *target, size_t len)
{
  size_t n = strlen(SOCKET);
  if (len > n && !memcmp(target, SOCKET, n))
    return ask(w, s, target + n, len - n);
  if (len && *target == '@') return domain_target(w, target, len, s);
  return addr_at(target, len) < len ? whole_target(w, target, len)
                                    : bare_target(w, target, len, &s->domain);
}

/* Good ones make the alias good; what failed for now makes it fail for now,
   so that nobody gets the message twice. */
static int targets(walk *w, route_step *s, char const *list, size_t len)
{
  size_t pos = 0;
  int all = ROUTE_UNKNOWN;
  unsigned keep = w->keep;
  while (pos < len) {
    char const *target = list + pos;
    size_t n = strnlen(target, len - pos);
    int r;
    pos += n + 1;
    if (is(target, n, KEEP)) {
      w->keep = 1;
      continue;
    }
    r = one_target(w, s, target, n);
    if (r == ROUTE_TEMP || r == ROUTE_TOOMANY) return r;
    if (r != ROUTE_OK) w->dropped++;
    if (all != ROUTE_OK && r != ROUTE_UNKNOWN) all = r;
  }
  w->keep = keep;
  return all;
}

static int postmaster(walk *w, route_step *s)
{
  static char const name[] = "postmaster";
  if (s->local.len != strlen(name) || memcmp(s->local.s, name, s->local.len))
    return ROUTE_UNKNOWN;
  return at_first_domain(w, name, strlen(name), s->domain.s, s->domain.len);
}

static void tell_step(walk *w, route_step const *s, char const *key, size_t len,
                      int found)
{
  stralloc list = STRALLOC_ZERO;
  if (!w->tell) return;
  if (found == ROUTE_NOTHING) {
    walk_tell(w, "%.*s: no entry", (int)len, key);
  } else if (found == ROUTE_ACCOUNT) {
    walk_tell(w, "%.*s: %s %s", (int)len, key, s->how, s->key.s + 1);
  } else if (found == ROUTE_ALIAS) {
    for (size_t i = 0; i < s->targetslen; i++)
      if (!(s->targets[i] ? stralloc_append(&list, s->targets[i])
                          : stralloc_cats(&list, ", ")))
        break;
    walk_tell(w, "%.*s: %s %s%s%s: %.*s", (int)len, key, s->how,
              s->pattern ? "/" : "", s->pattern ? s->pattern : s->key.s + 1,
              s->pattern ? "/" : "", (int)list.len, list.len ? list.s : "");
    stralloc_free(&list);
  }
}

static int follow(walk *w, route_step *s, int found)
{
  switch (found) {
  case ROUTE_ALIAS: return targets(w, s, s->targets, s->targetslen);
  case ROUTE_ACCOUNT: return walk_add(w, s->key.s + 1, s->key.len - 2, 1);
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
  if (r == ROUTE_ACCOUNT)
    tell_step(w, &s, key, len, r);
  else if (!r)
    walk_tell(w, "%.*s: a loop", (int)len, key);
  if (r >= 0) r = r == ROUTE_ACCOUNT ? follow(w, &s, r) : ROUTE_LOOP;
  route_step_free(&s);
  return r;
}

static int visit_open(walk *w, char const *key, size_t len)
{
  route_step s = ROUTE_STEP_ZERO;
  int r = route_step_init(&s, key, len);
  if (r > 0) {
    int found = route_find(w->t, &s);
    tell_step(w, &s, key, len, found);
    w->depth++;
    r = follow(w, &s, found);
    w->depth--;
  }
  route_step_free(&s);
  return r;
}

/* key: the addr_key of an address in a domain of ours */
static int visit_address(walk *w, char const *key, size_t len)
{
  visit *v = walk_find(w, key, len);
  int r;
  if (v && !v->open) walk_tell(w, "%.*s: as above", (int)len, key);
  if (v) return v->open ? come_back(w, key, len) : v->result;
  if (w->depth >= ROUTE_DEPTH) {
    walk_tell(w, "%.*s: too long a chain", (int)len, key);
    return ROUTE_LOOP;
  }
  if (w->nvisits == ROUTE_VISITS) return ROUTE_TOOMANY;
  /* patterns and programs take time, and both may be many in a chain */
  if (w->nvisits && w->deadline == IO_FOREVER) w->deadline = io_after(ROUTE_MS);
  if (w->nvisits && !io_left(w->deadline)) return errno = ETIMEDOUT, ROUTE_TEMP;
  v = walk_new(w, key, len);
  if (!v) return ROUTE_TEMP;
  r = visit_open(w, key, len);
  v->open = 0;
  v->result = r;
  return r;
}

/* 1: one address of ours, at domain, whose local part is a rewritten sender */
static int ours_rewritten(walk *w, char const *s, size_t len, stralloc *local,
                          stralloc *domain)
{
  size_t quote = *s == '"';
  int r = srs_is(s + quote, len - quote);
  if (r) r = addr_split(s, len, ADDR_UTF8, local, domain);
  return r > 0 ? route_domain_local(w->t, domain->s, domain->len) : r;
}

/* The sender that it was, appended to *to. One that came back to us under
   another's SRS1 was rewritten by us twice, and no more than that: what SRS0
   names is not looked at, so that this ends. */
static int original(walk *w, table *secrets, stralloc *local, stralloc *domain,
                    stralloc *to)
{
  int r = 1, one = 1;
  while (r > 0 && one) {
    one = local->s[3] == '1';
    to->len = 0;
    r = srs_reverse(secrets, to, local->s, local->len, time(0));
    walk_tell(w, "%.*s@%.*s: rewritten sender: %.*s", (int)local->len, local->s,
              (int)domain->len, domain->s, r > 0 ? (int)to->len : 17,
              r > 0 ? to->s : "forged or too old");
    if (!r) return ROUTE_FORGED;
    local->len = domain->len = 0;
    if (r > 0 && one) {
      r = ours_rewritten(w, to->s, to->len, local, domain);
      if (!r) return ROUTE_OK;
    }
  }
  return r;
}

/* A bounce to a sender that we rewrote goes back to that one. Without secrets
   no address is special. ROUTE_UNKNOWN: it is none. */
static int rewritten(walk *w, char const *address, size_t len)
{
  stralloc local = STRALLOC_ZERO, domain = STRALLOC_ZERO, to = STRALLOC_ZERO;
  table *secrets = 0;
  int r = ours_rewritten(w, address, len, &local, &domain);
  if (r > 0) r = table_open(&secrets, conf_secrets("srs.cdb"));
  if (r < 0 && errno == ENOENT) r = ROUTE_UNKNOWN;
  if (r < 0 && errno == EACCES) {
    walk_tell(w, "%s: the secrets of rewritten senders are not for us to read",
              address);
    r = ROUTE_SEALED;
  }
  if (r == 1) r = original(w, secrets, &local, &domain, &to);
  if (r == 1) {
    w->bounce = 1;
    r = whole_target(w, to.s, to.len);
  }
  table_close(secrets);
  stralloc_free(&local);
  stralloc_free(&domain);
  stralloc_free(&to);
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
    if (!r) walk_tell(w, "%s: elsewhere", address);
    if (!r) {
      r = ROUTE_FOREIGN;
    } else if (r > 0) {
      r = rewritten(w, address, len);
      if (!r && !w->bounce) r = visit_address(w, key.s, key.len);
    }
  }
  stralloc_free(&key);
  return r;
}

int route_explain(table *t, char const *address, route_list *to,
                  unsigned *dropped, route_tell *tell, void *data)
{
  walk *w = malloc(sizeof *w);
  int r = ROUTE_TEMP, e;
  *to = (route_list){0};
  *dropped = 0;
  if (!w) return ROUTE_TEMP;
  if (walk_init(w, t) > 0) {
    w->tell = tell;
    w->data = data;
    r = start(w, address);
    if (r == ROUTE_OK) r = walk_give(w, to);
    *dropped = w->dropped;
  }
  e = errno;
  walk_free(w);
  free(w);
  return errno = e, r;
}

int route_address(table *t, char const *address, route_list *to,
                  unsigned *dropped)
{
  return route_explain(t, address, to, dropped, 0, 0);
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

/* Strings behind the directory, each with its NUL; unknown ones are not for
   us. */
static int account_options(route_account *a, char const *value, size_t n)
{
  char const *s = value + strlen(value) + 1, *end = value + n;
  if (value[n - 1]) return errno = EPROTO, -1;
  for (; s < end; s += strlen(s) + 1) {
    uint64_t *limit = !strncmp(s, "quota=", 6)      ? &a->limit.bytes
                      : !strncmp(s, "messages=", 9) ? &a->limit.messages
                                                    : 0;
    if (limit && !uint64_scan(strchr(s, '=') + 1, limit))
      return errno = EPROTO, -1;
    if (!strncmp(s, "program=", 8)) a->program = s + 8;
  }
  return 1;
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
  *a = (route_account){name, value, {0, 0}, 0};
  return account_options(a, value, n);
}
