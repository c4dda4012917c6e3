/* The bytes of a part without its transfer encoding (RFC 3516 4.2). */
#ifndef MIME_BINARY_H
#define MIME_BINARY_H

#include "mime.h"

enum mime_encoding {
  MIME_PLAIN, /* 7bit, 8bit, binary */
  MIME_QP,
  MIME_BASE64,
  MIME_UNKNOWN
};

/* What Content-Transfer-Encoding says of a part: one of these, or -1. */
int mime_part_encoding(mime *m, mime_part const *p);

/* A stream, with CRLF line ends where the encoding does not say the bytes. */
typedef struct mime_binary {
  mime_data d;
  int encoding;
  unsigned acc;
  stralloc in, out; /* in: encoded, from the last line on that is not whole */
} mime_binary;

/* A whole message and what has parts come as they are. 1; 0: there is no such
   part; -1: errno, EOPNOTSUPP for an encoding that is unknown. */
int mime_binary_open(mime_binary *b, mime *m, mime_section const *s);
int mime_binary_part(mime_binary *b, mime *m, uint32_t part);
void mime_binary_free(mime_binary *b);

/* The next bytes, valid until the next call. 1, 0 at the end, -1 as
   mime_data_read. */
int mime_binary_next(mime_binary *b, char const **s, size_t *len);

/* Bytes in all, and whether a NUL is among them; the stream is at its
   beginning afterwards. 1 or -1. */
int mime_binary_measure(mime_binary *b, uint64_t *size, int *nul);

#endif
