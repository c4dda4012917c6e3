/* Bounded line input: text protocols whose peer is not trusted. */
#ifndef LINE_H
#define LINE_H

#include "io.h"

typedef struct line_in {
  int fd;
  char *buf;
  size_t size, pos, end;
  int skipping; /* inside the rest of a line that was too long */
} line_in;

/* buf stays the caller's; a line may have at most size - 2 bytes + CRLF. */
void line_init(line_in *in, int fd, char *buf, size_t size);

/* Reads a line that ends with LF. 1: *s and *len are the line with its end
   (CRLF or LF) in place, valid until the next call; 0: end of file between
   lines; -1: errno ETIMEDOUT, EPIPE (end of file inside a line), EMSGSIZE
   (too long: the rest of that line is skipped by the next call) or as read. */
int line_get(line_in *in, char **s, size_t *len, io_time deadline);

/* Length of a line without its LF or CRLF. */
size_t line_chomp(char const *s, size_t len);

/* Up to n bytes as they come, buffered ones first. As io_read. */
ssize_t line_read(line_in *in, void *buf, size_t n, io_time deadline);

/* Bytes read from fd and not yet given out (the reader of a STARTTLS must
   find 0 here). */
size_t line_pending(line_in const *in);

#endif
