/* The sink that deliver-run is: it runs delivery programs and reports what
   they say; it stores nothing. */
#ifndef DELIVER_SESSION_H
#define DELIVER_SESSION_H

#include "fresh-table.h"

typedef struct deliver {
  fresh_table mail; /* mail.cdb */
  unsigned ms;      /* for a program */
} deliver;

/* Returns the exit code: 0 at the end of input between parcels, else 99 or
   111. */
int deliver_session(deliver *d, int in, int out);

#endif
