#include <string.h>

#include "der.h"

int der_next(der *from, unsigned *tag, der *to)
{
  unsigned char const *s = from->s;
  size_t n, head = 2;
  if (from->len < 2 || (s[0] & 0x1f) == 0x1f) return 0;
  n = s[1];
  if (n & 0x80) {
    size_t count = n & 0x7f;
    if (!count || count > 3 || from->len < 2 + count) return 0;
    for (n = 0; head < 2 + count; head++) n = n << 8 | s[head];
  }
  if (from->len - head < n) return 0;
  *tag = s[0];
  *to = (der){s + head, n};
  from->s += head + n;
  from->len -= head + n;
  return 1;
}

int der_expect(der *from, unsigned tag, der *to)
{
  der rest = *from;
  unsigned got;
  if (!der_next(&rest, &got, to) || got != tag) return 0;
  *from = rest;
  return 1;
}

/* An element with its tag and length. */
static int whole(der *from, unsigned tag, der *to)
{
  unsigned char const *start = from->s;
  der inner;
  if (!der_expect(from, tag, &inner)) return 0;
  *to = (der){start, (size_t)(from->s - start)};
  return 1;
}

static int is(der const *d, void const *s, size_t len)
{
  return d->len == len && !memcmp(d->s, s, len);
}

/* subjectAltName, 2.5.29.17, among the extensions */
static void find_names(der extensions, der *names)
{
  der one, oid, value, list;
  while (der_expect(&extensions, DER_SEQUENCE, &one)) {
    der flag;
    if (!der_expect(&one, DER_OID, &oid)) return;
    der_expect(&one, 0x01, &flag);
    if (!is(&oid, "\x55\x1d\x11", 3)) continue;
    if (der_expect(&one, DER_OCTETS, &value) &&
        der_expect(&value, DER_SEQUENCE, &list))
      *names = list;
    return;
  }
}

int der_certificate_read(der_certificate *c, void const *s, size_t len)
{
  der all = {s, len}, cert, tbs, skip, extensions, list;
  *c = (der_certificate){0};
  if (!der_expect(&all, DER_SEQUENCE, &cert) || all.len) return 0;
  if (!der_expect(&cert, DER_SEQUENCE, &tbs)) return 0;
  der_expect(&tbs, 0xa0, &skip); /* version */
  if (!der_expect(&tbs, DER_INTEGER, &skip) ||
      !der_expect(&tbs, DER_SEQUENCE, &skip) ||
      !whole(&tbs, DER_SEQUENCE, &c->issuer) ||
      !der_expect(&tbs, DER_SEQUENCE, &skip) || /* validity */
      !whole(&tbs, DER_SEQUENCE, &c->subject) ||
      !whole(&tbs, DER_SEQUENCE, &c->key))
    return 0;
  der_expect(&tbs, 0x81, &skip);
  der_expect(&tbs, 0x82, &skip);
  if (der_expect(&tbs, 0xa3, &extensions) &&
      der_expect(&extensions, DER_SEQUENCE, &list))
    find_names(list, &c->names);
  return 1;
}

int der_dns_name(der *names, der *name)
{
  unsigned tag;
  while (der_next(names, &tag, name))
    if (tag == 0x82) return 1;
  return 0;
}

int der_common_name(der const *subject, der *name)
{
  der copy = *subject, rdns, set, pair, oid, value;
  unsigned tag;
  int found = 0;
  if (!der_expect(&copy, DER_SEQUENCE, &rdns)) return 0;
  while (der_expect(&rdns, 0x31, &set))
    while (der_expect(&set, DER_SEQUENCE, &pair))
      if (der_expect(&pair, DER_OID, &oid) && is(&oid, "\x55\x04\x03", 3) &&
          der_next(&pair, &tag, &value)) {
        *name = value;
        found = 1;
      }
  return found;
}
