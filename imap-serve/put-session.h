/* The sink that maildir-put is: parcels from one client, reports to it. */
#ifndef PUT_SESSION_H
#define PUT_SESSION_H

#include "fresh-table.h"

typedef struct put_config {
  fresh_table *mail; /* mail.cdb */
  char const *queue; /* socket for parcels that are not stored here, or 0 */
  char const *ask;   /* socket of deliver-run, or 0 */
  int defer;         /* a full mailbox is a 4xx */
} put_config;

/* Returns the exit code: 0 at the end of input between parcels, else 99 or
   111. */
int put_session(int in, int out, put_config const *c);

#endif
