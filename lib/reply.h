/* SMTP replies (RFC 5321 4.2) with enhanced status codes (RFC 3463). */
#ifndef REPLY_H
#define REPLY_H

#include <stddef.h>

#include "line.h"

#define REPLY_TEXT 2048

typedef struct reply {
  int code;              /* 200 to 599 */
  char enhanced[12];     /* "5.1.1" or "" */
  char text[REPLY_TEXT]; /* lines joined by '\n', without codes; what does not
                            fit is cut; not yet cleaned for logs */
} reply;

/* Reads one reply of any number of lines (at most 128). 1; 0: end of file;
   -1: errno, EPROTO if it is not a reply. */
int reply_get(line_in *in, reply *r, io_time deadline);

#endif
