/* A walk through DER (X.690): bounded, without copies. */
#ifndef DER_H
#define DER_H

#include <stddef.h>

typedef struct der {
  unsigned char const *s;
  size_t len;
} der;

enum {
  DER_INTEGER = 0x02,
  DER_BITS = 0x03,
  DER_OCTETS = 0x04,
  DER_OID = 0x06,
  DER_SEQUENCE = 0x30
};

/* Takes the next element off the front of from: its contents into *to, its
   tag into *tag. 1; 0 at the end or if it is none. */
int der_next(der *from, unsigned *tag, der *to);

/* The same if it has that tag, else 0 and from as it was. */
int der_expect(der *from, unsigned tag, der *to);

/* Parts of a certificate (RFC 5280 4.1): subject, issuer and
   SubjectPublicKeyInfo whole, with their tags. 1 or 0. */
typedef struct der_certificate {
  der issuer, subject, key;
  der names; /* contents of subjectAltName's sequence, or empty */
} der_certificate;
int der_certificate_read(der_certificate *c, void const *s, size_t len);

/* The next dNSName of names: 1 or 0. */
int der_dns_name(der *names, der *name);

/* The last commonName of a subject: 1 or 0. */
int der_common_name(der const *subject, der *name);

#endif
