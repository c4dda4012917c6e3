/* Users and groups as options name them: numbers or names. */
#ifndef IDS_H
#define IDS_H

#include <sys/types.h>

/* A uid: 1 or 0 if there is no such user. */
int ids_user(char const *s, uid_t *uid);

/* "UID:GID", "USER:GROUP" or "USER" (its own group): 1 or 0. */
int ids_pair(char const *s, uid_t *uid, gid_t *gid);

/* Becomes that user for good, without other groups; nothing to do if the
   process is not root. 1 or -1. */
int ids_drop(uid_t uid, gid_t gid);

#endif
