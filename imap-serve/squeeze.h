/* COMPRESS=DEFLATE (RFC 4978): raw deflate both ways between the client and
   what the session reads and writes. */
#ifndef SQUEEZE_H
#define SQUEEZE_H

#include "io.h"

typedef struct squeeze squeeze;

/* s[0..n): compressed bytes that were read already. 0 with errno ENOMEM. */
squeeze *squeeze_new(char const *s, size_t n);
void squeeze_free(squeeze *z);

/* As io_write; sync: whatever was written is to be readable now. 1 or -1. */
int squeeze_write(squeeze *z, int fd, char const *s, size_t n, int sync,
                  io_time deadline);

/* As io_read; EPROTO for what is not deflate. */
ssize_t squeeze_read(squeeze *z, int fd, char *to, size_t n, io_time deadline);

#endif
