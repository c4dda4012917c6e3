#include <string.h>

#include <bearssl.h>

#include "tlsa.h"

static int digit(char c)
{
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

size_t tlsa_hex(char *s)
{
  size_t n = 0;
  for (; s[2 * n]; n++) {
    int high = digit(s[2 * n]), low = high < 0 ? -1 : digit(s[2 * n + 1]);
    if (low < 0) return 0;
    s[n] = (char)(high << 4 | low);
  }
  return n;
}

static int number(char const **s, unsigned *n)
{
  if (**s < '0' || **s > '9' || (*s)[1] != ' ') return 0;
  *n = (unsigned)(**s - '0');
  *s += 2;
  return 1;
}

int tlsa_scan(tlsa *t, char *s)
{
  char const *p = s;
  if (!number(&p, &t->usage) || !number(&p, &t->selector) ||
      !number(&p, &t->matching))
    return 0;
  t->len = tlsa_hex(s + (p - s));
  t->data = (unsigned char const *)p;
  if (t->usage != TLSA_TA && t->usage != TLSA_EE) return 0;
  return t->selector <= 1 &&
         (t->matching == 0   ? t->len > 0
          : t->matching == 1 ? t->len == br_sha256_SIZE
                             : t->matching == 2 && t->len == br_sha512_SIZE);
}

static int matches(tlsa const *t, der const *d)
{
  unsigned char hash[br_sha512_SIZE];
  br_sha256_context sha256;
  br_sha512_context sha512;
  switch (t->matching) {
  case 0: return d->len == t->len && !memcmp(d->s, t->data, t->len);
  case 1:
    br_sha256_init(&sha256);
    br_sha256_update(&sha256, d->s, d->len);
    br_sha256_out(&sha256, hash);
    break;
  default:
    br_sha512_init(&sha512);
    br_sha512_update(&sha512, d->s, d->len);
    br_sha512_out(&sha512, hash);
  }
  return !memcmp(hash, t->data, t->len);
}

static int weaker(tlsa const *v, unsigned n, tlsa const *t)
{
  for (unsigned i = 0; t->matching == 1 && i < n; i++)
    if (v[i].usage == t->usage && v[i].selector == t->selector &&
        v[i].matching == 2)
      return 1;
  return 0;
}

tlsa const *tlsa_match(tlsa const *v, unsigned n, unsigned usage,
                       der const *certificate, der const *spki)
{
  for (unsigned i = 0; i < n; i++)
    if (v[i].usage == usage && !weaker(v, n, v + i) &&
        matches(v + i, v[i].selector ? spki : certificate))
      return v + i;
  return 0;
}
