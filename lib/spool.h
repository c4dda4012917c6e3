/* Bytes of unknown number: up to 256 KiB in memory, then in a nameless file
   (O_TMPFILE) of the file system where they will end, which no crash leaves
   behind. */
#ifndef SPOOL_H
#define SPOOL_H

#include <stddef.h>
#include <stdint.h>

#define SPOOL_MEMORY 262144

typedef struct spool {
  char const *dir; /* where the file would be made; the caller's string */
  char *buf;
  size_t len, room; /* of buf */
  int fd;           /* -1 while memory is enough */
  uint64_t filed;   /* bytes in the file; those in buf come behind them */
} spool;

#define SPOOL_ZERO                                                             \
  {                                                                            \
    .fd = -1                                                                   \
  }

/* 1, or -1 with errno; then what was put before is still there, of this
   piece nothing. */
int spool_put(spool *s, void const *p, size_t n);

uint64_t spool_size(spool const *s);

/* Calls each() for all bytes from the first on, in pieces of at most
   SPOOL_MEMORY: 1, -1 with errno, or what each() returned if not 1. */
int spool_each(spool const *s, int (*each)(char const *, size_t, void *),
               void *data);

/* Copies at most n bytes from offset on: their number or -1. */
int64_t spool_read(spool const *s, char *to, size_t n, uint64_t offset);

/* The first n bytes: 1, or -1 with errno, EIO if there are fewer. */
int spool_get(spool const *s, char *to, size_t n);

void spool_reset(spool *s); /* empty; keeps a little memory */
void spool_free(spool *s);

#endif
