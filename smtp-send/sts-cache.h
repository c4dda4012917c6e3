/* MTA-STS policies on disk: one file a domain, a line about it and its text;
   its time is when the domain was last asked for the policy's id. Beside them
   failed/DOMAIN, whose time is that of a fetch that failed. */
#ifndef STS_CACHE_H
#define STS_CACHE_H

#include <time.h>

#include <skalibs/stralloc.h>

#include "sts.h"

typedef struct sts_entry {
  char id[STS_ID + 1];
  time_t fetched, checked;
  stralloc text;
} sts_entry;

/* Whether domain may be a file's name: letters in lower case, digits, hyphens,
   underscores and dots, neither first nor doubled. */
int sts_cache_name(char const *domain);

/* 1; 0: there is none, or none that can be read; -1 with errno. */
int sts_cache_read(sts_entry *e, char const *dir, char const *domain);

/* Replaces it as a whole, checked now: 1 or -1. */
int sts_cache_write(sts_entry const *e, char const *dir, char const *domain);

/* That it was checked now: 1 or -1. */
int sts_cache_touch(char const *dir, char const *domain);

/* That a fetch failed now: 1 or -1; when one did, or 0. */
int sts_cache_fail(char const *dir, char const *domain);
time_t sts_cache_failed(char const *dir, char const *domain);

/* Removes what nobody has asked for in longer than a policy lasts. */
void sts_cache_clean(char const *dir);

#endif
