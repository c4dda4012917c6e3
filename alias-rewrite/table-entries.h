/* What a table will hold, kept in memory until all of it is known to be good:
   nothing is printed before. */
#ifndef TABLE_ENTRIES_H
#define TABLE_ENTRIES_H

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>

#include "table-text.h"

typedef struct table_entry {
  size_t key, keylen, value, valuelen; /* in text */
  unsigned source;
  char const *file;
  unsigned long line;
} table_entry;

typedef struct table_entries {
  stralloc text;
  genalloc list; /* table_entry */
} table_entries;

#define TABLE_ENTRIES_ZERO                                                     \
  {                                                                            \
    STRALLOC_ZERO, GENALLOC_ZERO                                               \
  }

/* All die (111) without memory. */
void entries_add(table_entries *e, text_line const *from, unsigned source,
                 stralloc const *key, stralloc const *value);

/* Sorts by key, then source. A key twice from one source ends the program
   (1) with both places. */
void entries_sort(table_entries *e);

/* Whether a sorted one has that key. */
int entries_have(table_entries const *e, char const *key, size_t len);

/* Drops what follows an entry of the same key: sources of a lower number
   come first. */
void entries_merge(table_entries *e);

/* Makes one entry of those that have the same key in a sorted one, their values
   behind each other. More than max of them end the program (1). */
void entries_join(table_entries *e, unsigned max);

/* As `cdb -c` reads it, to out: +klen,dlen:key->data. prefix goes before each
   key. */
void entries_print(table_entries const *e, char const *prefix, stralloc *out);

#endif
