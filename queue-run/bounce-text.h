/* What a notice to the sender says: RFC 3464 in a multipart/report (RFC 6522).
   Most are bounces. */
#ifndef BOUNCE_TEXT_H
#define BOUNCE_TEXT_H

#include "queue-file.h"

#define BOUNCE_WHOLE (1024 * 1024) /* RET=FULL of more has the header alone */

/* Collects text and sends it on as message chunks. */
typedef struct bounce {
  parcel_out *out;
  io_time deadline;
  stralloc text;
  int done; /* 1 as long as all went well, else parcel_put's answer */
  char boundary[32];
  int utf8;                 /* RFC 6533: the sender's way takes UTF-8 */
  int full;                 /* RET=FULL */
  unsigned bad, good, late; /* of whom is told: failed, did not, wait */
  long long until;          /* when those who wait are given up */
  char const *id;
  queue_file const *q;
  char const *to;    /* who is told */
  char const *envid; /* "" if there was none */
} bounce;

/* The whole message. 1, 0 or -1 as parcel_put. */
int bounce_write(bounce *b);

/* Parts of it. */
void bounce_bytes(bounce *b, char const *s, size_t n);
__attribute__((format(printf, 2, 3))) void bounce_say(bounce *b,
                                                      char const *fmt, ...);
void bounce_date(bounce *b, char const *field, long long t);

/* Calls one() for each recipient of whom is to be told. */
void bounce_each(bounce *b, void (*one)(bounce *, envelope_to const *,
                                        queue_record const *));

/* The fields of the delivery status (RFC 3464 2). */
void bounce_status(bounce *b);

#endif
