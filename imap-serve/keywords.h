/* dovecot-keywords: "NUMBER NAME" lines, 0 to 25 are the letters a to z in
   file names. Changed under the UID list's lock. */
#ifndef KEYWORDS_H
#define KEYWORDS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define KEYWORDS_FILE "dovecot-keywords"
#define KEYWORDS 26
#define KEYWORD_MAX 255 /* bytes of a name */

typedef struct keywords {
  char *name[KEYWORDS]; /* 0: the letter is free */
  ino_t ino;
  struct timespec time;
  off_t size;
} keywords;

#define KEYWORDS_ZERO                                                          \
  {                                                                            \
    .ino = 0                                                                   \
  }

void keywords_free(keywords *k);

/* 1: read anew, 0: as it was, -1 */
int keywords_read(keywords *k, int dir);

/* Its letter's number, or -1. Names are compared without case. */
int keywords_find(keywords const *k, char const *s, size_t len);

/* Gives the name a letter in memory: its number, or -1 with errno EOVERFLOW
   (all 26 are taken), ENAMETOOLONG, ENOMEM. */
int keywords_add(keywords *k, char const *s, size_t len);

/* Under the UID list's lock: writes the file, durably. 1 or -1. */
int keywords_write(keywords *k, int dir);

#endif
