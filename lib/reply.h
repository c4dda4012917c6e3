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

/* "550 5.1.1 text\r\n", or several lines where text has '\n'. Returns the
   length, cut at size. enhanced may be "" . */
size_t reply_format(char *to, size_t size, int code, char const *enhanced,
                    char const *text);

/* Splits "550 5.1.1 text" or "5.1.1 text" (code 0 then): 1 or 0. */
int reply_split(char const *s, size_t len, reply *r);

#endif
