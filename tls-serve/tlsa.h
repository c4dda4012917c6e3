/* TLSA records (RFC 6698 2.1) and what a certificate is to them. */
#ifndef TLSA_H
#define TLSA_H

#include "der.h"

enum { TLSA_TA = 2, TLSA_EE = 3 }; /* usages that SMTP knows, RFC 7672 3.1 */

typedef struct tlsa {
  unsigned usage, selector, matching;
  unsigned char const *data;
  size_t len;
} tlsa;

/* "3 1 1 HEX"; the record's data lies in s afterwards. 1; 0: it is none, or
   one that is of no use: another usage, selector or matching type, or a digest
   of another length. */
int tlsa_scan(tlsa *t, char *s);

/* Hexadecimal digits, decoded in place: their bytes, or 0 if they are none. */
size_t tlsa_hex(char *s);

/* Whether the certificate, of which spki is the SubjectPublicKeyInfo, matches
   one of usage. Of digests of one usage and selector the strongest counts
   alone (RFC 7671 9). Returns that one, or 0. */
tlsa const *tlsa_match(tlsa const *v, unsigned n, unsigned usage,
                       der const *certificate, der const *spki);

#endif
