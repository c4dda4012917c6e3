/* The plain file `rohrpost` of a mailbox: what cannot be computed again and has
   no place in Dovecot's files. Lines "WORD VALUE", or "WORD ARGUMENT VALUE" for
   the words meta, server and savedate; WORD and its argument are the key, and
   the last line of a key is true. One without a value says that there is none.
   In a value '%' and what is not printable stand as %XX.

   Changed under the UID list's lock: lines are appended, and the file is
   replaced when half of it says nothing any more. A line that is damaged is
   not read, and is gone after the next replacement. */
#ifndef FACTS_FILE_H
#define FACTS_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include <skalibs/stralloc.h>

#define FACTS_FILE "rohrpost"
#define FACTS_KEY 1024       /* most bytes of a key */
#define FACTS_VALUE 131072   /* most bytes of a value */
#define FACTS_MAX (32 << 20) /* what lies behind is not read */

typedef struct facts {
  stralloc text; /* of the file, whole lines only */
  dev_t dev;
  ino_t ino; /* 0: there was no file */
  off_t size;
  struct timespec time;
} facts;

#define FACTS_ZERO                                                             \
  {                                                                            \
    .ino = 0                                                                   \
  }

void facts_free(facts *f);

/* Of the mailbox whose directory is open: 1 read anew, 0 as it was, -1 errno.
   A file that is missing has no facts. */
int facts_read(facts *f, int dir);

/* The value of key ("highestmodseq", "meta /private/comment"): 1; 0: there is
   none; -1: no memory. */
int facts_get(facts const *f, char const *key, stralloc *value);

/* The same for a decimal number: 1 or 0. */
int facts_number(facts const *f, char const *key, uint64_t *n);

/* Every key of that word once, in no order, with its argument ("" for a word
   that has none) and value, until each() says other than 1: what it said, or
   -1 without memory. */
typedef int facts_visit(char const *argument, char const *value, size_t len,
                        void *data);
int facts_each(facts const *f, char const *word, facts_visit *each, void *data);

/* Under the UID list's lock: reads what others wrote, and sets the key,
   durably. value 0: there is none any more. 1, or -1 with errno (EINVAL: no
   such key can be; EFBIG: too long, or the file would be). */
int facts_put(facts *f, int dir, char const *key, char const *value,
              size_t len);

/* Takes the lock and does the same. */
int facts_set(int dir, char const *key, char const *value, size_t len);

#endif
