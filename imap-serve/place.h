/* New messages for a mailbox: files get their names in new/ or cur/ and then
   their UIDs, all under one hold of the mailbox's lock, so that who sees the
   files without UIDs waits for them; durable when place_commit returns. */
#ifndef PLACE_H
#define PLACE_H

#include "flags.h"
#include "maildir.h"
#include "mailbox.h"

typedef struct place {
  mailbox box;
  int locked;
  stralloc guids; /* extensions of the UID list, "" for none, as paths */
  stralloc paths; /* of what was put there: "cur/NAME", NUL-terminated */
  size_t n;
  uint32_t first; /* UID of the first, after place_commit */
  int used_new, used_cur;
  int moved; /* from another mailbox: no more than before */
} place;

/* Opens the mailbox, directory dir below root. 1, or -1 (ENOENT: there is no
   such mailbox). */
int place_open(place *p, int root, char const *dir);
void place_close(place *p); /* without place_commit: takes all back */

int place_lock(place *p); /* 1 or -1 */

/* "new/BASE", or "cur/BASE:2,LETTERS" if there are any. to has MAILBOX_PATH
   bytes. 1, or -1 ENAMETOOLONG. */
int place_path(char *to, char const *base, uint64_t letters);

/* A file has been given that path. 1 or -1 ENOMEM. */
int place_add(place *p, char const *path);

/* The same for what has that GUID already, elsewhere. */
int place_add_guid(place *p, char const *path, char const *guid);

/* Gives UIDs first, first + 1, … in the order of place_add. 1 or -1. */
int place_commit(place *p);

/* What was added and not committed stays where it is (moved messages). */
void place_keep(place *p);

#endif
