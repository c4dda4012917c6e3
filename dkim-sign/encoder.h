/* Rewrites 8-bit bodies of a MIME message as quoted-printable while it streams
   (RFC 2045 6.7). Nothing else of the message changes. */
#ifndef ENCODER_H
#define ENCODER_H

#include <stddef.h>

#include <skalibs/stralloc.h>

#include "imap-serve/mime-in.h"

#define ENCODER_HEAD 65536 /* bytes of one header; the part is left alone */
#define ENCODER_LINE 4096  /* bytes of a line that are looked at at once */
#define ENCODER_LEVELS 20  /* of parts; what is deeper is left alone */

typedef struct encoder_level {
  char boundary[MIME_BOUNDARY];
  size_t len;
  int digest; /* RFC 2046 5.1.5: its parts are messages */
} encoder_level;

typedef struct encoder {
  stralloc out; /* the owner empties it */
  int state;    /* encoder.c's */
  int digest;   /* the header is that of a part of a digest */
  encoder_level level[ENCODER_LEVELS];
  unsigned depth;
  stralloc line, head;
  mime_params type;
  int middle; /* of a line: no boundary begins here */
  int lf;     /* lines end with LF alone */
  size_t column;
  char blank; /* waits until it is known what follows: 0 is none */
} encoder;

void encoder_begin(encoder *e);

/* Takes bytes of the message, lines with CRLF or LF, and appends to out at most
   about four times as many, less what waits for the end of a line or header. 1
   or -1 with ENOMEM. */
int encoder_feed(encoder *e, char const *s, size_t len);
int encoder_end(encoder *e);

void encoder_free(encoder *e);

#endif
