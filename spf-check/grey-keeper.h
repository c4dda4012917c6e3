/* A process of its own for the database of greylist-check: whatever a damaged
   file does to it, and however long it waits for a lock, mail goes on. */
#ifndef GREY_KEEPER_H
#define GREY_KEEPER_H

#include <sys/types.h>

#include "grey.h"
#include "io.h"

#define GREY_MS 3000        /* for one answer */
#define GREY_AGAIN_MS 30000 /* after a failure, until it is asked again */

typedef struct grey_keeper {
  char const *dir;
  grey_policy const *policy;
  pid_t pid; /* 0: none */
  int fd;
  ino_t file; /* of the database when it was opened, 0: there was none */
  io_time again;
} grey_keeper;

/* Asks, starting a keeper if there is none. What it cannot say is GREY_FAILED;
   each failure is logged. A damaged database is put aside, as *.damaged. */
void grey_keeper_ask(grey_keeper *k, grey_question const *q, grey_answer *a);

#endif
