/* The mailboxes of an account: directories ".NAME" below its root. */
#ifndef FOLDERS_H
#define FOLDERS_H

#include <stddef.h>

#include <skalibs/stralloc.h>

#define FOLDERS_MAX 100000 /* of one account, that are listed */

typedef struct folders {
  stralloc names; /* NUL-terminated, one behind the other */
  char const **v; /* sorted; INBOX is first and always there */
  size_t n;
} folders;

#define FOLDERS_ZERO                                                           \
  {                                                                            \
    .v = 0                                                                     \
  }

int folders_read(folders *f, int root); /* 1 or -1 */
void folders_free(folders *f);

int folders_has(folders const *f, char const *name, size_t len);

/* Whether there is a mailbox below it. */
int folders_has_children(folders const *f, char const *name, size_t len);

/* The list of subscriptions as names; the file need not exist. */
int subscriptions_read(folders *f, int root);

/* Adds or removes one name, durably. 1 or -1. */
int subscriptions_change(int root, char const *name, int add);

#endif
