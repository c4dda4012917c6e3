/* Parcels become messages of the queue. */
#ifndef INTAKE_H
#define INTAKE_H

#include "fresh-table.h"

typedef struct intake {
  int queue;         /* the queue's directory */
  char const *path;  /* the same, for spooling */
  char const *class; /* received, submitted, injected or report */
  fresh_table mail;  /* mail.cdb */
  fresh_table srs;   /* srs.cdb, if there is one */
} intake;

/* Serves fd in until its end, reports on fd out: the exit code. */
int intake_run(intake *x, int in, int out);

#endif
