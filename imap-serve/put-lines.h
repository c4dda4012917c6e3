/* CRLF to LF into a file, counting. */
#ifndef PUT_LINES_H
#define PUT_LINES_H

#include <stddef.h>
#include <stdint.h>

typedef struct put_lines {
  int fd;
  int cr; /* the last byte was a CR, not yet written */
  size_t len;
  uint64_t size;  /* bytes as they stand in the file */
  uint64_t lines; /* LFs among them */
} put_lines;

void put_lines_init(put_lines *w, int fd);

/* data is the put_lines: 1, or -1 with errno. One at a time in a process. */
int put_lines_write(char const *s, size_t n, void *data);
int put_lines_end(put_lines *w);

#endif
