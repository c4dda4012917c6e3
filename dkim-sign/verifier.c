#include <errno.h>
#include <string.h>
#include <strings.h>

#include "addr.h"
#include "author.h"
#include "verifier.h"
#include "verifier-keys.h"

#define FIELD "DKIM-Signature"

static int end_signature(verifier_signature *s, dkim_result r, char const *why)
{
  s->result = r;
  s->reason = why;
  return 0;
}

unsigned verifier_names(char const *list)
{
  unsigned n = 0;
  for (;;) {
    size_t len = strcspn(list, ",");
    for (size_t i = 0; i < len; i++)
      if (list[i] <= ' ' || list[i] > '~' || strchr(":;", list[i])) return 0;
    if (!len || ++n > VERIFIER_NAMES) return 0;
    list += len;
    if (!*list++) return n;
  }
}

void verifier_begin(verifier *v)
{
  head_reset(&v->head);
  v->whole = v->failed = 0;
  v->n = v->others = 0;
  body_hashes_begin(&v->body);
}

/* A field added above the signed one is what a reader sees (8.15): all that the
   message has of a name must be in h=. */
static int signed_fields(verifier const *v, claim const *c, char const *list)
{
  for (;;) {
    size_t len = strcspn(list, ",");
    if (head_count(&v->head, list, len) > claim_count(c, list, len)) return 0;
    list += len;
    if (!*list++) return 1;
  }
}

/* What we ask beyond RFC 6376, and what needs no key: 1 or 0 */
static int acceptable(verifier const *v, verifier_signature *s, uint64_t now)
{
  claim const *c = &s->claim;
  if (c->until != UINT64_MAX && c->until + v->skew < now)
    return end_signature(s, DKIM_POLICY, "it has expired");
  if (c->made > now + v->skew)
    return end_signature(s, DKIM_POLICY, "t= is in the future");
  if (!signed_fields(v, c, VERIFIER_FIELDS) || !signed_fields(v, c, v->fields))
    return end_signature(s, DKIM_POLICY, "a field that must be signed is not");
  return 1;
}

static void look(verifier *v, head_field const *f, uint64_t now)
{
  verifier_signature *s = v->v + v->n++;
  s->testing = 0;
  s->result = claim_scan(&s->claim, f, &s->reason);
  if (s->result == DKIM_PASS) acceptable(v, s, now);
}

static int is_signature(head_field const *f)
{
  return f->namelen == sizeof FIELD - 1 &&
         !strncasecmp(f->s, FIELD, sizeof FIELD - 1);
}

static void look_all(verifier *v)
{
  size_t n;
  head_field const *f = head_all(&v->head, &n);
  uint64_t now = (uint64_t)time(0);
  while (n--)
    if (!is_signature(f + n))
      continue;
    else if (v->n == v->most)
      v->others++;
    else
      look(v, f + n, now);
}

/* Only signatures that are good but for the body have it hashed */
static void begin_body(verifier *v)
{
  for (unsigned i = 0; i < v->n; i++) {
    verifier_signature *s = v->v + i;
    if (s->result == DKIM_PASS)
      body_hashes_want(&v->body, s->claim.body, s->claim.limit);
  }
}

static void end_head(verifier *v)
{
  int r = head_finish(&v->head);
  size_t n;
  v->whole = 1;
  head_all(&v->head, &n);
  if (r <= 0)
    v->failed = r < 0 ? ENOMEM : EINVAL;
  else if (n > VERIFIER_HEAD)
    v->failed = EMSGSIZE;
  if (v->failed) return;
  look_all(v);
  verifier_keys(v);
  begin_body(v);
}

void verifier_message(verifier *v, char const *bytes, size_t len)
{
  size_t used = 0;
  if (v->failed) return;
  if (!v->whole) {
    int r = head_add(&v->head, bytes, len, &used);
    if (r < 0) v->failed = errno;
    if (r > 0) end_head(v);
  }
  if (v->whole && !v->failed)
    body_hashes_add(&v->body, bytes + used, len - used);
}

static void end_body(verifier *v, verifier_signature *s)
{
  claim const *c = &s->claim;
  uint64_t size = v->body.way[c->body].size;
  unsigned char const *hash;
  if (s->result != DKIM_PASS) return;
  hash = body_hashes_get(&v->body, c->body, c->limit);
  if (memcmp(hash, c->bodyhash, KEY_HASH))
    end_signature(s, DKIM_FAIL, "the body hash does not match");
  else if (c->limit != UINT64_MAX && c->limit > size)
    end_signature(s, DKIM_FAIL, "l= is more than there is of the body");
  else if (c->limit < size && !v->partial)
    end_signature(s, DKIM_POLICY, "the body goes on behind l=");
}

/* Whether a header that could not be read has a signature */
static int mentioned(head const *h)
{
  char const *s = h->own.s, *end = s ? s + h->own.len : s;
  while (s < end) {
    char const *lf = memchr(s, '\n', (size_t)(end - s));
    if ((size_t)(end - s) >= sizeof FIELD &&
        !strncasecmp(s, FIELD, sizeof FIELD - 1))
      return 1;
    s = lf ? lf + 1 : end;
  }
  return 0;
}

/* One result for whatever signatures there are */
static void cannot(verifier *v)
{
  verifier_signature *s = v->v;
  if (v->whole && v->failed != ENOMEM && !mentioned(&v->head)) return;
  v->n = 1;
  s->claim = (claim){.field = 0};
  s->testing = 0;
  if (v->failed == EINVAL)
    end_signature(s, DKIM_NEUTRAL, "a line of the header is no field");
  else if (v->failed == EMSGSIZE)
    end_signature(s, DKIM_NEUTRAL, "the header is too long");
  else
    end_signature(s, DKIM_TEMPERROR, "no memory");
}

static dkim_result whole_result(verifier const *v)
{
  static dkim_result const order[] = {DKIM_PASS,      DKIM_TEMPERROR,
                                      DKIM_FAIL,      DKIM_POLICY,
                                      DKIM_PERMERROR, DKIM_NEUTRAL};
  for (unsigned r = 0; r < sizeof order / sizeof *order; r++)
    for (unsigned i = 0; i < v->n; i++)
      if (v->v[i].result == order[r] && (!r || !v->v[i].testing))
        return order[r];
  return DKIM_NONE;
}

/* RFC 7372 3.1: whether a signature that passes is an author's. What is no
   plain From has no author: it is dmarc-check's to refuse. */
static int by_author(verifier const *v)
{
  stralloc list = STRALLOC_ZERO;
  char const *why;
  int found = 0;
  if (author_read(&list, v->head.own.s, v->head.own.len, "From", &why) !=
      AUTHOR_OK)
    list.len = 0;
  for (size_t at = 0; at < list.len; at += strlen(list.s + at) + 1) {
    char const *a = list.s + at, *domain = addr_domain(a);
    for (unsigned i = 0; i < v->n; i++)
      found |= v->v[i].result == DKIM_PASS &&
               addr_domain_within(domain, v->v[i].claim.domain);
  }
  stralloc_free(&list);
  return found;
}

dkim_result verifier_end(verifier *v, int *foreign)
{
  dkim_result r;
  if (!v->whole && !v->failed) end_head(v);
  if (v->failed) {
    cannot(v);
  } else {
    body_hashes_end(&v->body);
    for (unsigned i = 0; i < v->n; i++) end_body(v, v->v + i);
  }
  r = whole_result(v);
  *foreign = v->author && r == DKIM_PASS && !by_author(v);
  return *foreign ? DKIM_POLICY : r;
}
