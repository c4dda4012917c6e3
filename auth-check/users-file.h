/* The text file of accounts and hashes, users(5): read whole, replaced whole,
   under a lock. */
#ifndef USERS_FILE_H
#define USERS_FILE_H

#include <skalibs/stralloc.h>

typedef struct users_file {
  char const *path;
  int lock;
  stralloc text;
} users_file;

/* Locks (path with ".lock") and reads; a file that does not exist is empty. 1
   or -1 with errno. */
int users_file_open(users_file *f, char const *path);

/* Where the entry of that account (addr_key) begins and ends: 1 or 0. */
int users_file_find(stralloc const *text, stralloc const *key, size_t *start,
                    size_t *end);

/* Calls each() with every address as it is written. */
void users_file_each(stralloc const *text,
                     void (*each)(char const *s, size_t len));

/* The new text in place of the old: mode 0600, or the old file's owner and
   mode; durable before it returns. 1 or -1 with errno. */
int users_file_write(users_file *f);

#endif
