/* Tables are cdb files that make rebuilds. This is the only file that sees
   <skalibs/cdb.h>. A table is opened per transaction: a rebuild is a rename,
   and an old map stays whole. */
#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>

typedef struct table table;

/* 1, or -1 with errno: a table that is missing or damaged is a temporary
   error, never "not found". */
int table_open(table **t, char const *path);
void table_close(table *t);

/* 1: *s is the value, valid until table_close; 0: not there; -1: errno. */
int table_get(table *t, void const *key, size_t keylen, char const **s,
              size_t *len);

/* The nth value of that key. */
int table_get_nth(table *t, void const *key, size_t keylen, unsigned nth,
                  char const **s, size_t *len);

/* Calls each() for every pair: 1, -1, or what each() returned if not 1. */
int table_each(table *t,
               int (*each)(char const *key, size_t keylen, char const *s,
                           size_t len, void *data),
               void *data);

#endif
