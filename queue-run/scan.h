/* Looking through the queue's directories, a piece at a time, so that mail
   flows meanwhile. */
#ifndef SCAN_H
#define SCAN_H

#include <dirent.h>

#include "plan.h"

typedef struct scan {
  unsigned split; /* QUEUE_SPLIT: it is over */
  DIR *dir;
  unsigned found;
} scan;

void scan_start(scan *s);

/* A piece of the work: 1 if there is more, 0 if it is over. */
int scan_step(scan *s, plan *p);

#endif
