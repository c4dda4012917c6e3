/* Which fields of a header the E records leave out. */
#ifndef COMPOSE_OMIT_H
#define COMPOSE_OMIT_H

#include <stddef.h>

typedef struct omit {
  char const *name;
  size_t len;
  unsigned long nth; /* from the top, 1 is the first */
  unsigned long seen;
  size_t next;
} omit;

/* Sorts v by name and number; afterwards omit_field() may be asked. */
void omit_prepare(omit *v, size_t n);

/* Whether the next field, of that name, is left out. To be asked for every
   field from the top on. */
int omit_field(omit *v, size_t n, char const *name, size_t len);

#endif
