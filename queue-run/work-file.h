/* The message of an order, in a lane's process. One of many recipients stays
   open, with what was found out of them, for the order that comes next: else
   each of a thousand destinations would read all of them again. */
#ifndef WORK_FILE_H
#define WORK_FILE_H

#include "work.h"

typedef struct work_place {
  size_t at;    /* of the T record in the envelope */
  uint32_t key; /* hash of its destination; 0: it is no recipient */
} work_place;

typedef struct work_file {
  queue_file q;
  char id[QUEUE_ID + 1];
  unsigned routes; /* their state when v was made */
  work_place *v;   /* q.recipients of them */
} work_file;

/* Opens the order's message, locked against edits, and sets r->left: the file,
   which is open until work_file_done; or 0 and *r. */
work_file *work_file_open(run_config const *c, work_order const *o,
                          work_result *r);
void work_file_done(work_file *f);

/* The first recipient from *i on whose destination is key: its number in *i,
   its record as it is on disk now in x. 1; 0: none; -1: it
   cannot be read, and what is in memory may be delivered already. */
int work_file_next(work_file *f, char const *key, unsigned *i, queue_record *x);

/* The T record of recipient i; what r and to point to is valid until
   envelope_end(w). 1 or -1. */
int work_file_to(work_file const *f, unsigned i, envelope_walk *w,
                 parcel_record *r, envelope_to *to);

#endif
