/* needs: tls-serve/tlsa.o -lbearssl */
/* TLSA records as smtp-send and admins write them, damaged; which of them a
   certificate matches (RFC 7671). */
#include <stdlib.h>

#include <bearssl.h>

#include "mutate.h"
#include "tap.h"
#include "tls-serve/tlsa.h"

#define IN(text)                                                               \
  {                                                                            \
    BYTES(text)                                                                \
  }
#define DIGITS                                                                 \
  "0123456789abcdefABCDEF0123456789abcdef0123456789abcdef0123456789"

static int scans(char *s, size_t len)
{
  tlsa t;
  int r = tlsa_scan(&t, s);
  if (r && (t.data < (unsigned char *)s || t.len > len / 2 ||
            (t.usage != TLSA_TA && t.usage != TLSA_EE) || t.selector > 1))
    r = -1;
  return r;
}

static int useless(char const *s)
{
  char copy[200];
  tlsa t;
  strcpy(copy, s);
  return !tlsa_scan(&t, copy);
}

static void matches(void)
{
  unsigned char hash[2][br_sha512_SIZE] = {{0}}, hash256[br_sha256_SIZE];
  der const certificate = {(unsigned char const *)"certificate", 11};
  der const key = {(unsigned char const *)"key", 3};
  br_sha512_context big;
  br_sha256_context small;
  tlsa v[2] = {{TLSA_EE, 0, 0, certificate.s, certificate.len}};
  br_sha512_init(&big);
  br_sha512_update(&big, key.s, key.len);
  br_sha512_out(&big, hash[1]);
  br_sha256_init(&small);
  br_sha256_update(&small, key.s, key.len);
  br_sha256_out(&small, hash256);
  ok(tlsa_match(v, 1, TLSA_EE, &certificate, &key) == v, "all of it");
  ok(!tlsa_match(v, 1, TLSA_TA, &certificate, &key), "another usage");
  ok(!tlsa_match(v, 1, TLSA_EE, &key, &certificate), "another certificate");
  v[0] = (tlsa){TLSA_EE, 0, 0, (unsigned char const *)"certificatf", 11};
  ok(!tlsa_match(v, 1, TLSA_EE, &certificate, &key), "of the same length");
  v[0] = (tlsa){TLSA_EE, 1, 1, hash256, sizeof hash256};
  ok(tlsa_match(v, 1, TLSA_EE, &certificate, &key) == v, "SHA-256 of a key");
  v[1] = (tlsa){TLSA_EE, 1, 2, hash[0], sizeof hash[0]};
  ok(!tlsa_match(v, 2, TLSA_EE, &certificate, &key),
     "RFC 7671 9: beside a SHA-512 a SHA-256 does not count");
  v[1].data = hash[1];
  ok(tlsa_match(v, 2, TLSA_EE, &certificate, &key) == v + 1, "SHA-512");
  v[1].selector = 0, v[1].data = hash[0];
  ok(tlsa_match(v, 2, TLSA_EE, &certificate, &key) == v,
     "but one of another selector weakens nothing");
  v[1].selector = 1, v[1].usage = TLSA_TA;
  ok(tlsa_match(v, 2, TLSA_EE, &certificate, &key) == v, "nor of a usage");
}

int main(void)
{
  static mutants_input const records[] = {
      IN("3 1 1 " DIGITS), IN("2 0 2 " DIGITS DIGITS), IN("3 0 0 3000")};
  ok(useless("1 1 1 " DIGITS) && useless("3 2 1 " DIGITS) &&
         useless("3 1 3 " DIGITS) && useless("3 1 2 " DIGITS) &&
         useless("3 1 1 " DIGITS "00") && useless("3 1 0 ") &&
         useless("3 1 0 0") && useless("3 1") && useless("31 1 00") &&
         useless("3  0 00"),
     "RFC 7672 3.1: what is of no use");
  show_mutants_text("TLSA record", records, " 0123afAFgG:@/`", scans);
  matches();
  return done();
}
