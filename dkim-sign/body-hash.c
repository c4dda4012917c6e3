#include "body-hash.h"

static void hash(void *to, void const *s, size_t len)
{
  body_way *w = to;
  for (unsigned i = 0; i < w->n; i++) {
    uint64_t left = w->v[i].limit > w->size ? w->v[i].limit - w->size : 0;
    br_sha256_update(&w->v[i].sha, s, len < left ? len : (size_t)left);
  }
  w->size += len;
}

void body_hashes_begin(body_hashes *b)
{
  for (canon how = CANON_SIMPLE; how < BODY_HASH_WAYS; how++) {
    body_way *w = b->way + how;
    w->n = 0;
    w->size = 0;
    canon_body_init(&w->canon, how, hash, w);
  }
}

int body_hashes_want(body_hashes *b, canon how, uint64_t limit)
{
  body_way *w = b->way + how;
  for (unsigned i = 0; i < w->n; i++)
    if (w->v[i].limit == limit) return 1;
  if (w->n == BODY_HASH_MAX) return 0;
  w->v[w->n].limit = limit;
  br_sha256_init(&w->v[w->n++].sha);
  return 1;
}

void body_hashes_add(body_hashes *b, char const *s, size_t len)
{
  for (unsigned i = 0; i < BODY_HASH_WAYS; i++)
    if (b->way[i].n) canon_body_add(&b->way[i].canon, s, len);
}

void body_hashes_end(body_hashes *b)
{
  for (body_way *w = b->way; w < b->way + BODY_HASH_WAYS; w++) {
    if (w->n) canon_body_end(&w->canon);
    for (unsigned i = 0; i < w->n; i++)
      br_sha256_out(&w->v[i].sha, w->v[i].hash);
  }
}

unsigned char const *body_hashes_get(body_hashes const *b, canon how,
                                     uint64_t limit)
{
  body_hash const *v = b->way[how].v;
  while (v->limit != limit) v++;
  return v->hash;
}
