/* What a bounce says: RFC 3464 in a multipart/report (RFC 6522). */
#ifndef BOUNCE_TEXT_H
#define BOUNCE_TEXT_H

#include "queue-file.h"

/* Collects text and sends it on as message chunks. */
typedef struct bounce {
  parcel_out *out;
  io_time deadline;
  stralloc text;
  int failed; /* 1 as long as all went well, else parcel_put's answer */
  char boundary[32];
  int utf8; /* RFC 6533: some address or field is not ASCII */
  char const *id;
  queue_file const *q;
  char const *to;    /* who is told */
  char const *envid; /* "" if there was none */
} bounce;

/* The whole message. 1, 0 or -1 as parcel_put. */
int bounce_write(bounce *b);

#endif
