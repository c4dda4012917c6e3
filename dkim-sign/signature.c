#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base64.h"
#include "head-hash.h"
#include "signature.h"
#include "tags.h"

#define HEAD_FIELD "DKIM-Signature"

/* How often the ith name stands in h= */
static size_t times(signature const *s, head const *h, unsigned i)
{
  return head_count(h, s->names.v[i].name, s->names.v[i].len) +
         (size_t)s->names.v[i].over;
}

static int put_names(tags *t, signature const *s, head const *h)
{
  char word[FIELDS_NAME + 2];
  size_t left = 0;
  for (unsigned i = 0; i < s->names.n; i++) left += times(s, h, i);
  if (left > HEAD_HASH_NAMES) return errno = EMSGSIZE, 0;
  if (tags_open(t, "h") < 0) return -1;
  for (unsigned i = 0; i < s->names.n; i++) {
    size_t len = s->names.v[i].len;
    memcpy(word, s->names.v[i].name, len);
    word[len] = ':';
    for (size_t n = times(s, h, i); n; n--)
      if (tags_more(t, word, len + (--left ? 1 : 0)) < 0) return -1;
  }
  return 1;
}

static int put_base64(tags *t, char const *name, void const *s, size_t len)
{
  stralloc text = STRALLOC_ZERO;
  int r = base64_encode(&text, s, len);
  if (r > 0) r = tags_open(t, name);
  if (r > 0) r = tags_more_base64(t, text.s, text.len);
  stralloc_free(&text);
  return r;
}

/* Everything up to "b=" */
static int put_tags(tags *t, signature const *s, key const *k,
                    char const *domain, char const *author,
                    char const *selector, head const *h,
                    unsigned char const *bodyhash, time_t now)
{
  char canons[32], identity[256];
  int r;
  snprintf(canons, sizeof canons, "%s/%s", canon_name(s->head),
           canon_name(s->body));
  if (tags_put(t, "v", "1") < 0 || tags_put(t, "a", key_algorithm(k)) < 0 ||
      tags_put(t, "c", canons) < 0 || tags_put(t, "d", domain) < 0 ||
      tags_put(t, "s", selector) < 0 ||
      tags_put_number(t, "t", (unsigned long long)now) < 0)
    return -1;
  snprintf(identity, sizeof identity, "@%s", author);
  if (s->identity && tags_put(t, "i", identity) < 0) return -1;
  if (s->lifetime &&
      tags_put_number(t, "x", (unsigned long long)now + s->lifetime) < 0)
    return -1;
  r = put_names(t, s, h);
  if (r <= 0) return r;
  r = put_base64(t, "bh", bodyhash, KEY_HASH);
  if (r <= 0) return r;
  return tags_open(t, "b");
}

/* The fields of h=, from the bottom up, then the field itself */
static int hash_head(unsigned char *hash, signature const *s, head const *h,
                     char const *own, size_t ownlen)
{
  head_hash c;
  int r = 1;
  head_hash_begin(&c, s->head);
  for (unsigned i = 0; r > 0 && i < s->names.n; i++)
    for (size_t nth = 0; r > 0; nth++) {
      head_field const *f =
          head_find(h, s->names.v[i].name, s->names.v[i].len, nth);
      if (!f) break;
      r = head_hash_field(&c, f->s, f->len);
    }
  return head_hash_end(&c, own, ownlen, hash) < 0 ? -1 : r;
}

int signature_make(stralloc *out, signature const *s, key const *k,
                   char const *domain, char const *author, char const *selector,
                   head const *h, unsigned char const *bodyhash, time_t now)
{
  unsigned char hash[KEY_HASH], sig[KEY_SIGNATURE_MAX];
  stralloc text = STRALLOC_ZERO;
  size_t start = out->len, n;
  tags t;
  int r;
  if (tags_begin(&t, out, HEAD_FIELD) < 0) return -1;
  r = put_tags(&t, s, k, domain, author, selector, h, bodyhash, now);
  if (r <= 0) return r;
  if (hash_head(hash, s, h, out->s + start, out->len - start) < 0) return -1;
  n = key_sign(k, hash, sig);
  if (!n) return errno = EIO, 0;
  r = base64_encode(&text, sig, n);
  if (r > 0) r = tags_more_base64(&t, text.s, text.len);
  stralloc_free(&text);
  if (r <= 0) return r;
  return stralloc_catb(out, "\r\n", 2) ? 1 : -1;
}
