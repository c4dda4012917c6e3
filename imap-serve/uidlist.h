/* dovecot-uidlist, version 3: which file has which UID (RFC 3501 2.3.1.1).
     3 V<uidvalidity> N<next uid> G<guid>
     <uid> [<extension> …] :<file name up to ":2,">
   Lines are appended, or the file is replaced, under dovecot-uidlist.lock. A
   line whose file is gone is dead and goes with the next replacement. */
#ifndef UIDLIST_H
#define UIDLIST_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <skalibs/stralloc.h>

#define UIDLIST_FILE "dovecot-uidlist"
#define UIDLIST_NONE UINT32_MAX
#define UIDLIST_EXTRA 512

typedef struct uid_record {
  uint32_t uid;
  uint32_t name;  /* offset in names: the base, NUL-terminated */
  uint32_t extra; /* offset of "W123 G45": 0 for none */
} uid_record;

typedef struct uid_slot {
  uint32_t name; /* 0: free */
  uint32_t record;
} uid_slot;

typedef struct uidlist {
  uint32_t validity; /* 0: there is no list yet */
  uint32_t next;
  char guid[33];
  stralloc header; /* what else the header said, " Xabc…" */
  uid_record *v;   /* by ascending UID */
  size_t n, a;
  size_t told;    /* how many of v are in the file */
  stralloc names; /* only grows: offsets stay true */
  uid_slot *hash; /* every name ever seen, with its record if it has one */
  size_t slots, used;
  dev_t dev;
  ino_t ino;
  off_t read;  /* how much of the file was read */
  int damaged; /* replace it with the next commit */
} uidlist;

#define UIDLIST_ZERO                                                           \
  {                                                                            \
    .validity = 0                                                              \
  }

void uidlist_free(uidlist *l);

/* Reads what is new since the last time: 1 something, 0 nothing, -1 errno. A
   missing or unreadable list is one with validity 0 and no records. */
int uidlist_read(uidlist *l, int dir);

/* For those who only add, under the lock: the header and the last line, no
   records. 1 or -1. */
int uidlist_read_end(uidlist *l, int dir);

/* The record of a base name, or UIDLIST_NONE. */
uint32_t uidlist_find(uidlist const *l, char const *base, size_t len);

static inline char const *uidlist_name(uidlist const *l, size_t i)
{
  return l->names.s + l->v[i].name;
}

/* Under the lock, after uidlist_read: gives the name the next UID. 1 or -1
   (EOVERFLOW: no UIDs left). A name that has one gets a new one. */
int uidlist_add(uidlist *l, char const *base, size_t len);

/* The same with extensions, "G45" (at most UIDLIST_EXTRA bytes). */
int uidlist_add_with(uidlist *l, char const *base, size_t len,
                     char const *extra, size_t extralen);

/* Forgets what was added and not committed. */
void uidlist_undo(uidlist *l);

/* Under the lock: the file says what l says, durably. validity: for a new
   list. 1 or -1. */
int uidlist_commit(uidlist *l, int dir, uint32_t validity);

/* Under the lock: replaces the file, keeping those whose alive[i] is not 0. */
int uidlist_replace(uidlist *l, int dir, uint32_t validity,
                    unsigned char const *alive);

int uidlist_lock(int dir); /* 1 or -1 */
void uidlist_unlock(int dir);

/* The next UIDVALIDITY of the account whose root directory is root, as
   Dovecot counts them: dovecot-uidvalidity and dovecot-uidvalidity.HEX.
   Greater than any before. 0 with errno if none can be had. */
uint32_t uidvalidity_next(int root);

#endif
