/* What is told of a connection: NAME=value strings with their NULs, named as
   in mod_ssl and s6-tlsd. */
#ifndef FACTS_H
#define FACTS_H

#include <stddef.h>

#include "io.h"

#define FACTS_MAX 1024

/* Appends to facts[*len..size); the value as printable ASCII. What does not
   fit is left out. */
void facts_add(char *facts, size_t size, size_t *len, char const *name,
               char const *value);

/* Writes them as one netstring: 1 or -1. */
int facts_put(int fd, char const *facts, size_t len, io_time deadline);

#endif
