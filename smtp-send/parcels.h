/* Parcels in, reports out. */
#ifndef PARCELS_H
#define PARCELS_H

#include "deliver.h"

/* Serves fd 0 until its end; a connection idle for idle_ms is given up.
   Returns the exit code. */
int parcels_run(deliverer *d, int idle_ms);

#endif
