/* What we demand of the way to other hosts, in words of policies(5): what
   table-build checks and smtp-send keeps. */
#ifndef TLS_POLICY_H
#define TLS_POLICY_H

#include <stddef.h>

#include <skalibs/stralloc.h>

#define TLS_POLICY_MAX 4000 /* bytes of a destination's words */

/* The least that will do; a higher one is as good. */
enum { TLS_NONE, TLS_ENCRYPTED, TLS_AUTHENTICATED };
enum { MX_NONE, MX_MTASTS, MX_DNSSEC };

typedef struct tls_policy {
  int tls, mx;         /* levels as above */
  int no_dane, no_sts; /* what the destination publishes does not count */
  int strict;          /* TLS-Required: No (RFC 8689 5) changes nothing */
  stralloc must;       /* the certificate: options of tls-connect(8) */
} tls_policy;

#define TLS_POLICY_ZERO                                                        \
  {                                                                            \
    .tls = TLS_ENCRYPTED                                                       \
  }

/* Takes "tls=none", "mx=dnssec", "dane=no", "sts=no", "tls-required=ignore",
   "name=HOST", "pin=sha256:HEX": 1; 0: it is none, or does not go with those
   before; -1: no memory. */
int tls_policy_word(tls_policy *p, char const *s, size_t len);

/* Words between blanks or commas: as above. */
int tls_policy_words(tls_policy *p, char const *s, size_t len);

char const *tls_policy_tls(int level);
char const *tls_policy_mx(int level);

#endif
