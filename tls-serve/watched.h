/* A table that is opened again when make has replaced it. */
#ifndef WATCHED_H
#define WATCHED_H

#include <sys/stat.h>

#include "table.h"

typedef struct watched {
  char const *path;
  table *t; /* 0 while there is none */
  struct stat st;
} watched;

/* Opens or reopens. One that cannot be read leaves the old one in use. 1, or
   -1 with errno if there is no table at all. */
int watched_open(watched *w);

#endif
