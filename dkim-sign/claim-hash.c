#include <string.h>
#include <strings.h>

#include "claim.h"
#include "head-hash.h"

size_t claim_count(claim const *c, char const *s, size_t want)
{
  char const *word;
  size_t at = 0, len, n = 0;
  while (tag_word(&c->h, &at, &word, &len))
    n += len == want && !strncasecmp(word, s, len);
  return n;
}

/* A name of h= and where the next field of that name is to be looked for */
typedef struct pick {
  char const *s;
  size_t len, next;
} pick;

/* 5.4.2: from the bottom up, each field once; the field itself is none of them
   (3.7). 0 if there is none left. */
static head_field const *next_field(claim const *c, head const *h,
                                    pick const *before, pick *p)
{
  size_t n;
  head_field const *v = head_all(h, &n);
  for (pick const *q = p; q-- > before;)
    if (q->len == p->len && !strncasecmp(q->s, p->s, p->len)) {
      p->next = q->next;
      break;
    }
  while (p->next < n) {
    head_field const *f = v + p->next++;
    if (f != c->field && f->namelen == p->len &&
        !strncasecmp(f->s, p->s, p->len))
      return f;
  }
  return 0;
}

/* The field without the value of b= */
static int hash_own(claim const *c, head_hash *hh, unsigned char *hash)
{
  head_field const *f = c->field;
  size_t before = (size_t)(c->b.raw - f->s), after = before + c->b.rawlen;
  stralloc own = STRALLOC_ZERO;
  int r = stralloc_catb(&own, f->s, before) &&
                  stralloc_catb(&own, f->s + after, f->len - after)
              ? 1
              : -1;
  if (head_hash_end(hh, own.s ? own.s : "", own.len, hash) < 0) r = -1;
  stralloc_free(&own);
  return r;
}

int claim_hash(claim const *c, head const *h, unsigned char *hash)
{
  pick picks[HEAD_HASH_NAMES];
  size_t at = 0;
  head_hash hh;
  int r = 1;
  head_hash_begin(&hh, c->head);
  for (pick *p = picks; r > 0 && p < picks + HEAD_HASH_NAMES; p++) {
    head_field const *f;
    p->next = 0;
    if (!tag_word(&c->h, &at, &p->s, &p->len)) break;
    f = next_field(c, h, picks, p);
    if (f) r = head_hash_field(&hh, f->s, f->len);
  }
  return hash_own(c, &hh, hash) < 0 ? -1 : r;
}
