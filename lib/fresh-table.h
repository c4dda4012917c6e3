/* A table that is opened anew whenever make has replaced it: the parent of a
   server looks before each fork, a session before each transaction. */
#ifndef FRESH_TABLE_H
#define FRESH_TABLE_H

#include <sys/stat.h>

#include "table.h"

typedef struct fresh_table {
  char const *path;
  table *t;
  struct stat seen;
} fresh_table;

/* The table, or 0 with errno. */
table *fresh_table_get(fresh_table *f);

#endif
