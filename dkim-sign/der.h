/* DER (ITU-T X.690), as far as keys need it: definite, shortest lengths of at
   most 2^24, tags of one byte. */
#ifndef DER_H
#define DER_H

#include <stddef.h>

enum {
  DER_INTEGER = 0x02,
  DER_BITS = 0x03,
  DER_OCTETS = 0x04,
  DER_NULL = 0x05,
  DER_OID = 0x06,
  DER_SEQUENCE = 0x30
};

typedef struct der {
  unsigned char const *s;
  size_t len;
} der;

/* Takes one element off the front of in; it must have that tag. value may be
   in itself: to look inside. 1 or 0. */
int der_take(der *in, unsigned tag, der *value);

/* The same for a non-negative INTEGER; value has no leading zeros. */
int der_take_unsigned(der *in, der *value);

int der_is(der const *d, void const *s, size_t len);

/* Writes backwards, so that lengths are known: s[at..size) is what has been
   written. Nothing is written past the front: full becomes 1 instead. */
typedef struct der_out {
  unsigned char *s;
  size_t at;
  int full;
} der_out;

void der_put(der_out *out, void const *s, size_t len);

/* Puts tag and length in front of everything from at up to before. */
void der_wrap(der_out *out, unsigned tag, size_t before);

void der_put_unsigned(der_out *out, der const *value);

#endif
