#include "head-hash.h"

void head_hash_begin(head_hash *h, canon how)
{
  *h = (head_hash){.how = how};
  br_sha256_init(&h->sha);
}

int head_hash_field(head_hash *h, char const *s, size_t len)
{
  h->text.len = 0;
  if (canon_field(&h->text, h->how, s, len) < 0) return -1;
  br_sha256_update(&h->sha, h->text.s, h->text.len);
  return 1;
}

int head_hash_end(head_hash *h, char const *own, size_t len,
                  unsigned char *hash)
{
  int r;
  h->text.len = 0;
  r = canon_field(&h->text, h->how, own, len);
  if (r > 0) br_sha256_update(&h->sha, h->text.s, h->text.len - 2); /* CRLF */
  br_sha256_out(&h->sha, hash);
  stralloc_free(&h->text);
  return r;
}
