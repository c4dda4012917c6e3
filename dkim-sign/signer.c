#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "header.h"
#include "log.h"
#include "signer.h"

static void hash(void *to, void const *s, size_t len)
{
  br_sha256_update(to, s, len);
}

void signer_begin(signer *s)
{
  head_reset(&s->head);
  s->whole = s->failed = 0;
  br_sha256_init(&s->hash);
  canon_body_init(&s->body, s->how.body, hash, &s->hash);
}

static void check(signer *s, int r)
{
  if (r < 0 && !s->failed) s->failed = errno;
}

void signer_message(signer *s, char const *bytes, size_t len)
{
  size_t used = 0;
  if (!s->whole && !s->failed) {
    int r = head_add(&s->head, bytes, len, &used);
    check(s, r);
    s->whole = r > 0;
  }
  if (s->whole && !s->failed)
    canon_body_add(&s->body, bytes + used, len - used);
}

void signer_above(signer *s, char const *field, size_t len)
{
  check(s, head_above(&s->head, field, len));
}

void signer_omit(signer *s, char const *name, unsigned long n)
{
  check(s, head_omit(&s->head, name, n));
}

/* The first mailbox's domain, as a key */
static int first_domain(addr_item const *a, void *data)
{
  stralloc *domain = data;
  int r;
  if (domain->len || !a->domain) return 1;
  r = addr_domain_key(domain, a->domain, strlen(a->domain));
  return r < 0 ? -1 : 1;
}

/* The domain of the author into to: 1; 0, *reason says why; -1 */
static int author(char *to, head const *h, char const **reason)
{
  head_field const *f = head_find(h, "From", 4, 0);
  stralloc domain = STRALLOC_ZERO;
  header_field from;
  int r;
  *reason = "no From field";
  if (!f) return 0;
  *reason = "several From fields";
  if (head_find(h, "From", 4, 1)) return 0;
  *reason = "no domain in the From field";
  if (header_next(&from, f->s, f->len) != 1) return 0;
  r = addr_list(from.value, from.valuelen, first_domain, &domain);
  if (r > 0 && (!domain.len || domain.len > KEYRING_DOMAIN || !*domain.s ||
                *domain.s == '['))
    r = 0;
  if (r > 0) {
    memcpy(to, domain.s, domain.len);
    to[domain.len] = 0;
  }
  stralloc_free(&domain);
  return r;
}

/* The keys of domain or, if told so, of the nearest domain above it that has
   any; it must keep a dot */
static int keys(signer *s, char const *domain, keyring_domain const **d)
{
  for (;;) {
    char const *dot = strchr(domain, '.');
    int r = keyring_get(&s->keys, domain, d);
    if (r || !s->subdomains || !dot || !strchr(dot + 1, '.')) return r;
    domain = dot + 1;
  }
}

/* Everything up to the keys: SIGNER_… */
static int prepare(signer *s, signer_result *r, keyring_domain const **d)
{
  int n;
  if (s->failed == EMSGSIZE) {
    r->reason = "the header is too long";
    return SIGNER_UNFIT;
  }
  r->reason = "no memory";
  if (s->failed) return SIGNER_FAILED;
  n = head_finish(&s->head);
  if (n < 0) return SIGNER_FAILED;
  r->reason = "a line of the header is no field";
  if (n == 0) return SIGNER_UNFIT;
  n = author(r->domain, &s->head, &r->reason);
  if (n == 0) return SIGNER_UNFIT;
  if (n < 0) return r->reason = "no memory", SIGNER_FAILED;
  r->reason = "no key";
  n = keys(s, r->domain, d);
  if (n >= 0) return n ? SIGNER_SIGNED : SIGNER_NOKEY;
  r->reason = strerror(errno);
  return SIGNER_FAILED;
}

/* Signs with every key that can: SIGNER_… */
static int sign(signer *s, signer_result *r, keyring_domain const *d,
                int (*each)(char const *field, size_t len, void *data),
                void *data, int *go)
{
  unsigned char bodyhash[KEY_HASH];
  stralloc field = STRALLOC_ZERO;
  time_t now = time(0);
  int status = SIGNER_FAILED;
  canon_body_end(&s->body);
  br_sha256_out(&s->hash, bodyhash);
  r->reason = "no key can be used";
  for (unsigned i = 0; i<d->n && * go> 0; i++) {
    keyring_key const *k = d->v + i;
    int n;
    if (k->error) continue;
    field.len = 0;
    n = signature_make(&field, &s->how, k->key, d->name, r->domain, k->selector,
                       &s->head, bodyhash, now);
    if (n > 0) {
      status = SIGNER_SIGNED;
      *go = each(field.s, field.len, data);
    } else if (errno == EMSGSIZE) {
      r->reason = "too many fields to sign";
      status = SIGNER_UNFIT;
      break;
    } else {
      r->reason = strerror(errno);
    }
  }
  stralloc_free(&field);
  return status;
}

int signer_end(signer *s, signer_result *r,
               int (*each)(char const *field, size_t len, void *data),
               void *data)
{
  keyring_domain const *d;
  int go = 1;
  *r = (signer_result){.reason = ""};
  r->status = prepare(s, r, &d);
  if (r->status == SIGNER_SIGNED) r->status = sign(s, r, d, each, data, &go);
  return go;
}
