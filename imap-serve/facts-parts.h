/* Shared by facts-file.c and facts-write.c. */
#ifndef FACTS_PARTS_H
#define FACTS_PARTS_H

#include "facts-file.h"

/* One line of the file: s[0..key) is its key, s[key + 1..len) its value, as
   they are written. */
typedef struct fact {
  char const *s;
  size_t key, len;
} fact;

/* The next line from *at on, which moves behind it: 1; 0: no more. Damaged
   ones are skipped. */
int fact_next(fact *to, facts const *f, size_t *at);

/* The length of the key that a line begins with; 0: it is damaged. */
size_t fact_key(char const *s, size_t len);

/* What the line's value means. 1 or -1 */
int fact_value(stralloc *to, fact const *l);

/* The last line of every key, by their keys; those without a value are left
   out. 0 with errno, else the caller frees it. */
fact *facts_true(facts const *f, size_t *n);

#endif
