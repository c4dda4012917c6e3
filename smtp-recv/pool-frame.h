/* Follows the framing of parcels and reports as they pass by in chunks, so
   that a pool knows when an instance is clean. */
#ifndef POOL_FRAME_H
#define POOL_FRAME_H

#include <stddef.h>

typedef struct frame_up {
  int state;
  size_t left; /* of the present record */
  unsigned digits;
  char type;
  int inside; /* between I and '.' */
  int asked;  /* '?' not yet answered */
} frame_up;

/* Follows bytes of parcels. Returns how many may pass now: it stops behind a
   '.' record, and *ended is 1 then. -1 for what is no parcel. */
long frame_up_feed(frame_up *f, char const *s, size_t len, int *ended);

typedef struct frame_down {
  int middle; /* inside a line */
  char type;  /* of that line */
  size_t length;
  int done; /* R is complete */
} frame_down;

/* Follows bytes of reports: 1, or -1 for what is none, for an answer that
   nobody asked for, and for anything behind R. */
int frame_down_feed(frame_down *f, frame_up *up, char const *s, size_t len);

#endif
