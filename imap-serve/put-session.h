/* The sink that maildir-put is: parcels from one client, reports to it. */
#ifndef PUT_SESSION_H
#define PUT_SESSION_H

#include "fresh-table.h"

/* queue: socket for parcels that are not stored here, or 0. Returns the exit
   code: 0 at the end of input between parcels, else 99 or 111. */
int put_session(int in, int out, fresh_table *mail, char const *queue);

#endif
