/* DANE for SMTP (RFC 7672): which TLSA records a host has, and whether they
   count. */
#ifndef DANE_H
#define DANE_H

#include <skalibs/stralloc.h>

#include "mx.h"

enum {
  DANE_NONE = 0,     /* no records, or none that DNSSEC secures */
  DANE_USABLE = 1,   /* the certificate must match one */
  DANE_UNUSABLE = 2, /* none is of use: encrypt, do not verify (2.2) */
  DANE_TEMP = -1     /* nobody knows now: not this host (2.1.2) */
};

typedef struct dane {
  char base[MX_NAME]; /* the TLSA base domain: whom to ask for, by SNI */
  stralloc records;   /* those of use, as options of tls-connect(8) */
  unsigned n;         /* how many */
  char const *why;    /* for people: why there are none */
} dane;

/* For the host that m is at, and its port. Without memory: DANE_TEMP. */
int dane_find(dane *d, mx const *m);

#endif
