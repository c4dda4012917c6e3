/* The DKIM-Signature field of one key over one message (RFC 6376 3.5, 5.5). */
#ifndef SIGNATURE_H
#define SIGNATURE_H

#include <time.h>

#include "canon.h"
#include "fields.h"
#include "head.h"
#include "key.h"

typedef struct signature {
  canon head, body;
  unsigned long lifetime; /* x= is that many seconds after t=; 0: no x= */
  int identity;           /* i= names the author's domain */
  fields names;
} signature;

/* Appends the whole field with CRLFs to out. author: the domain of i=, domain
   or one below it. 1; 0: that cannot be signed, EMSGSIZE (more than
   HEAD_HASH_NAMES fields), EIO (the key does not sign); -1 with ENOMEM. */
int signature_make(stralloc *out, signature const *s, key const *k,
                   char const *domain, char const *author, char const *selector,
                   head const *h, unsigned char const *bodyhash, time_t now);

#endif
