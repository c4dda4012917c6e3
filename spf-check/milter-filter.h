/* milter-check as a parcel filter. */
#ifndef MILTER_FILTER_H
#define MILTER_FILTER_H

#include "milter.h"

typedef struct milter_filter {
  milter m;
  filter_action action[MILTER_WORDS];
  char const *spool; /* directory */
  int strangers;     /* only those: no local or authenticated clients */

  view v;                /* of the parcel */
  int done;              /* the milter hears no more of this parcel */
  long last;             /* number of the last recipient */
  unsigned asked, taken; /* recipients */
} milter_filter;

/* fd 0 to fd 1 until the end. Returns the exit code. */
int milter_filter_run(milter_filter *m);

/* Tells the milter of the message on fd 0 and prints what it says: the exit
   code. envelope: client's address, sender, recipients, as far as given. */
int milter_query(milter_filter *m, char const *const *envelope);

#endif
