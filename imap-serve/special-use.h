/* The special use of a mailbox (RFC 6154): what CREATE said, in its file
   `rohrpost`, else by its name (ROHRPOST_FOLDERS). */
#ifndef SPECIAL_USE_H
#define SPECIAL_USE_H

#include "session.h"

#define SPECIAL_USE 32 /* bytes of "Archive" and the like, with a NUL */

/* Without its backslash. 1; 0: it has none. */
int special_use_of(int root, char const *name, char *use);

/* The name of a mailbox that has the use: 1, 0 or -1. */
int special_use_taken(int root, char const *use);

/* The use as we write it, 0: none that a mailbox can have here. */
char const *special_use_known(text const *use);

int special_use_set(int root, char const *dir, char const *use); /* 1 or -1 */

#endif
