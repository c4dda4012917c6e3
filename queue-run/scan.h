/* Looking through the queue's directories, a piece at a time, so that mail
   flows meanwhile. */
#ifndef SCAN_H
#define SCAN_H

#include <dirent.h>

#include "plan.h"

typedef struct scan {
  unsigned split; /* QUEUE_SPLIT: it is over */
  DIR *dir;
  struct timespec changed[QUEUE_SPLIT]; /* when it was read last; 0: look */
  struct timespec now;                  /* of the one being read */
  int all;                              /* everything in it was taken up */
} scan;

/* Begins anew; anyway: also where nothing has changed since it was read. */
void scan_start(scan *s, int anyway);

/* A piece of the work: 1 if there is more, 0 if it is over. */
int scan_step(scan *s, plan *p);

#endif
