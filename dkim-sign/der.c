#include <string.h>

#include "der.h"

#define LENGTH_BYTES 3

static int length(der *in, size_t *len)
{
  unsigned n;
  if (!in->len) return 0;
  *len = *in->s++, in->len--;
  if (*len < 0x80) return 1;
  n = *len & 0x7f;
  if (n < 1 || n > LENGTH_BYTES || n > in->len || !*in->s) return 0;
  for (*len = 0; n; n--) *len = *len << 8 | *in->s++, in->len--;
  return *len >= 0x80;
}

int der_take(der *in, unsigned tag, der *value)
{
  der inside;
  size_t len;
  if (!in->len || *in->s != tag) return 0;
  in->s++, in->len--;
  if (!length(in, &len) || len > in->len) return 0;
  inside = (der){in->s, len};
  in->s += len;
  in->len -= len;
  *value = inside;
  return 1;
}

int der_take_unsigned(der *in, der *value)
{
  if (!der_take(in, DER_INTEGER, value)) return 0;
  if (!value->len || *value->s & 0x80) return 0;
  while (value->len && !*value->s) value->s++, value->len--;
  return 1;
}

int der_is(der const *d, void const *s, size_t len)
{
  return d->len == len && !memcmp(d->s, s, len);
}

void der_put(der_out *out, void const *s, size_t len)
{
  if (len > out->at) {
    out->full = 1;
    return;
  }
  out->at -= len;
  memcpy(out->s + out->at, s, len);
}

void der_wrap(der_out *out, unsigned tag, size_t before)
{
  unsigned char head[2 + LENGTH_BYTES];
  size_t len = before - out->at, at = sizeof head;
  if (len < 0x80) {
    head[--at] = (unsigned char)len;
  } else {
    for (; len; len >>= 8) head[--at] = (unsigned char)len;
    head[at - 1] = (unsigned char)(0x80 | (sizeof head - at));
    at--;
  }
  head[--at] = (unsigned char)tag;
  der_put(out, head + at, sizeof head - at);
}

void der_put_unsigned(der_out *out, der const *value)
{
  size_t before = out->at;
  der_put(out, value->s, value->len);
  if (!value->len || *value->s & 0x80) der_put(out, "", 1);
  der_wrap(out, DER_INTEGER, before);
}
