/* Two ways for the records of a parcel: past a filter, or through it. The
   filter is one process for all parcels; a second process of ours copies what
   it writes to fd 1, so that neither waits for the other. */
#ifndef WHEN_WAY_H
#define WHEN_WAY_H

#include <sys/types.h>

#include <skalibs/stralloc.h>

#include "parcel.h"

/* What both of our processes see. */
typedef struct when_shared {
  unsigned passed; /* records that were written before the filter had any */
  int refused;     /* by somebody before the filter */
  unsigned char meant[PARCEL_RECIPIENTS / 8 + 1];
} when_shared;

typedef struct when_way {
  pid_t filter, copier;
  parcel_out past, through;
  int done;      /* a byte at the end of each parcel that went through */
  int narrow;    /* verdicts of the filter are for recipients that are meant */
  int taken;     /* this parcel goes through */
  stralloc head; /* its first records, which the filter has not seen */
  unsigned nhead;
  when_shared *shared;
} when_way;

/* w->narrow is set. 1 or -1. */
int when_way_init(when_way *w, char const *const *argv);

/* A parcel begins; the record that comes next is one of those that are meant;
   a record. They die (111) when a pipe does. */
void when_way_begin(when_way *w);
void when_way_take(when_way *w, parcel_record const *r);
void when_way_record(when_way *w, parcel_record const *r);
void when_way_flush(when_way *w);

/* After the last parcel: the exit code. */
int when_way_end(when_way *w);

#endif
