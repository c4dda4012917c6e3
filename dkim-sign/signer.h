/* Signs one message after another while they stream past: the header is kept
   (at most HEAD_MAX bytes), the body only hashed. */
#ifndef SIGNER_H
#define SIGNER_H

#include "head.h"
#include "keyring.h"
#include "signature.h"

typedef struct signer {
  signature how;
  int subdomains; /* a.b.example signed with the keys of b.example */
  keyring keys;
  head head;
  int whole;  /* the header has ended */
  int failed; /* errno of what went wrong on the way */
  canon_body body;
  br_sha256_context hash;
} signer;

void signer_begin(signer *s);

/* Message bytes, H and E in any order: what goes wrong shows in signer_end. */
void signer_message(signer *s, char const *bytes, size_t len);
void signer_above(signer *s, char const *field, size_t len);
void signer_omit(signer *s, char const *name, unsigned long n);

enum {
  SIGNER_SIGNED = 1,
  SIGNER_NOKEY = 0,   /* no key for that domain */
  SIGNER_UNFIT = 2,   /* not a message that can be signed */
  SIGNER_FAILED = -1, /* there are keys, but they could not be used */
};

/* What came of it; text says why, or the domain. */
typedef struct signer_result {
  int status;
  char domain[KEYRING_DOMAIN + 1]; /* d=, or of From without a key; or "" */
  char const *reason;
} signer_result;

/* After the message: calls each() with every DKIM-Signature field in the order
   of H records, RSA last and so on top, for verifiers that look at one only.
   each() returns 1, or -1 to stop. 1, or -1 if each() did so. */
int signer_end(signer *s, signer_result *r,
               int (*each)(char const *field, size_t len, void *data),
               void *data);

#endif
