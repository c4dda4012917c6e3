/* The keys of a domain: all files DIR/DOMAIN/SELECTOR.key, kept parsed from
   message to message and read again when the folder or one of them changes. */
#ifndef KEYRING_H
#define KEYRING_H

#include <time.h>

#include "key.h"

#define KEYRING_DOMAINS 64 /* kept; the one used longest ago gives way */
#define KEYRING_KEYS 8     /* of one domain */
#define KEYRING_SELECTOR 63
#define KEYRING_DOMAIN 253

typedef struct keyring_key {
  char selector[KEYRING_SELECTOR + 1];
  struct keyring_stamp {
    unsigned long long dev, ino, size;
    struct timespec ctime;
  } stamp;
  int error; /* why it cannot be used: an errno, else 0 */
  key *key;  /* 0 then */
} keyring_key;

typedef struct keyring_domain {
  char name[KEYRING_DOMAIN + 1];
  unsigned long used;
  unsigned n;
  keyring_key v[KEYRING_KEYS]; /* Ed25519 before RSA */
} keyring_domain;

typedef struct keyring {
  char const *dir;
  unsigned long clock;
  unsigned n;
  keyring_domain *v[KEYRING_DOMAINS];
} keyring;

/* The selector in a file's name, to to[KEYRING_SELECTOR + 1]: labels (RFC 6376
   3.1) and ".key". 1 or 0. */
int keyring_selector(char *to, char const *file);

void keyring_init(keyring *r, char const *dir);

/* domain as addr_domain_key makes it. 1: *d has keys, valid until the next
   call, some of them perhaps unusable (error); 0: there are none; -1: errno,
   the folder cannot be read. A key that has just become unusable is logged
   once. */
int keyring_get(keyring *r, char const *domain, keyring_domain const **d);

#endif
