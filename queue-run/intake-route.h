/* What a recipient of a new message becomes. */
#ifndef INTAKE_ROUTE_H
#define INTAKE_ROUTE_H

#include <skalibs/stralloc.h>

#include "envelope.h"
#include "intake.h"

typedef struct intake_to {
  stralloc *out;     /* T records go here */
  unsigned accepted; /* how many */
  int junk;
  char const *sender; /* the reverse-path */
  int null;           /* the reverse-path: nobody can be told */
  int several;        /* the RCPT asked for has several targets */
  int expanded;       /* a record of that is there */
  stralloc delivered; /* by what it was passed on before (delivered.h) */
  int fresh;          /* a T is no loop */
  int code;           /* the answer for the recipient asked last */
  char const *text;
} intake_to;

/* Appends the T records of one recipient, routed, and sets the answer:
   1; 0: the whole parcel must be refused with that answer (a received parcel
   that wants to be relayed, or a look-up that failed); -1 out of memory. */
int intake_route(intake *x, intake_to *to, envelope_to const *t);

#endif
