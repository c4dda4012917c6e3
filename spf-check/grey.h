/* What greylist-check remembers: triplets of client network, sender and
   recipient, and networks that have proved themselves, in an LMDB database
   that several processes share.

   A triplet is GREY until its mail came again after the delay and within the
   window, then PASSED until it was not seen for the lifetime. A NETWORK counts
   the triplets that passed. All are bounded: GREY ones may have half of the
   entries, the others the other half; the one that was not seen for the
   longest time goes first. */
#ifndef GREY_H
#define GREY_H

#include <stddef.h>
#include <stdint.h>

#define GREY_KEY 17   /* 'T' or 'N' and a hash */
#define GREY_SHOWN 96 /* bytes of an address that are kept to be shown */
#define GREY_WHY 80

typedef struct grey_policy {
  int64_t delay, window, lifetime; /* seconds */
  uint32_t successes; /* of a network, then it is known; 0: never */
  uint32_t entries;   /* most, of all kinds */
} grey_policy;

typedef struct grey_question {
  int64_t now; /* unix time */
  char triplet[GREY_KEY], client[GREY_KEY];
  char network[GREY_SHOWN], sender[GREY_SHOWN], recipient[GREY_SHOWN];
} grey_question;

enum grey_verdict {
  GREY_WAIT,   /* seconds: how long still */
  GREY_PASS,   /* the triplet has waited */
  GREY_KNOWN,  /* the network has proved itself */
  GREY_FAILED, /* why: nothing is known */
  GREY_DAMAGED /* why: the database is broken */
};

typedef struct grey_answer {
  int32_t verdict;
  int32_t seconds;
  char why[GREY_WHY];
} grey_answer;

/* Addresses count without case. network: as ip_network writes it. */
void grey_ask(grey_question *q, char const *network, char const *sender,
              char const *recipient, int64_t now);

/* Bytes of the file, at most; and of address space. */
size_t grey_size(uint32_t entries);

typedef struct grey_db grey_db;

/* dir exists. make: it may be empty. 1, or -1 and *a says why. */
int grey_open(grey_db **db, char const *dir, uint32_t entries, int make,
              grey_answer *a);
void grey_close(grey_db *db);

/* Looks, and remembers. */
void grey_check(grey_db *db, grey_policy const *p, grey_question const *q,
                grey_answer *a);

/* Forgets what is over: how many, or -1. */
long grey_expire(grey_db *db, grey_policy const *p, int64_t now,
                 grey_answer *a);

typedef struct grey_entry {
  int64_t first, last;
  uint32_t count; /* of a triplet: how often it passed */
  char network[GREY_SHOWN], sender[GREY_SHOWN], recipient[GREY_SHOWN];
} grey_entry;

/* Calls each() for every entry; kind is "grey", "passed" or "network". 1, or
   -1. */
int grey_each(grey_db *db, void (*each)(char const *kind, grey_entry const *e),
              grey_answer *a);

#endif
