#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "squeeze.h"

/* What goes out: text of mail gains little by more, and an idle session pays
   for the window. What comes in may need 32 KiB (RFC 4978 3). */
#define LEVEL 4
#define WINDOW 13
#define MEMORY 6
#define CHUNK 4096

struct squeeze {
  z_stream out, in;
  char *buf; /* of in */
  size_t size;
  int dirty; /* something was written that is not synced */
  int ended;
};

squeeze *squeeze_new(char const *s, size_t n)
{
  squeeze *z = calloc(1, sizeof *z);
  if (!z) return 0;
  z->size = n > CHUNK ? n : CHUNK;
  z->buf = malloc(z->size);
  if (z->buf && deflateInit2(&z->out, LEVEL, Z_DEFLATED, -WINDOW, MEMORY,
                             Z_DEFAULT_STRATEGY) == Z_OK) {
    if (inflateInit2(&z->in, -MAX_WBITS) == Z_OK) {
      if (n) memcpy(z->buf, s, n);
      z->in.next_in = (Bytef *)z->buf;
      z->in.avail_in = (uInt)n;
      return z;
    }
    deflateEnd(&z->out);
  }
  free(z->buf);
  free(z);
  return errno = ENOMEM, (squeeze *)0;
}

void squeeze_free(squeeze *z)
{
  if (!z) return;
  deflateEnd(&z->out);
  inflateEnd(&z->in);
  free(z->buf);
  free(z);
}

int squeeze_write(squeeze *z, int fd, char const *s, size_t n, int sync,
                  io_time deadline)
{
  char buf[CHUNK];
  z->dirty |= n > 0;
  if (!z->dirty) return 1;
  z->out.next_in = (Bytef *)(uintptr_t)s;
  z->out.avail_in = (uInt)n;
  do {
    size_t len;
    z->out.next_out = (Bytef *)buf;
    z->out.avail_out = sizeof buf;
    /* Z_BUF_ERROR: there was nothing more to do */
    if (deflate(&z->out, sync ? Z_SYNC_FLUSH : Z_NO_FLUSH) == Z_STREAM_ERROR)
      return errno = EPROTO, -1;
    len = sizeof buf - z->out.avail_out;
    if (len && io_write(fd, buf, len, deadline) < 0) return -1;
  } while (!z->out.avail_out);
  if (sync) z->dirty = 0;
  return 1;
}

ssize_t squeeze_read(squeeze *z, int fd, char *to, size_t n, io_time deadline)
{
  z->in.next_out = (Bytef *)to;
  z->in.avail_out = (uInt)n;
  while (!z->ended) {
    ssize_t r;
    int status = inflate(&z->in, Z_SYNC_FLUSH);
    z->ended = status == Z_STREAM_END;
    if (z->in.avail_out < n) return (ssize_t)(n - z->in.avail_out);
    if (status != Z_OK && status != Z_BUF_ERROR && !z->ended)
      return errno = status == Z_MEM_ERROR ? ENOMEM : EPROTO, -1;
    if (z->ended || z->in.avail_in) continue;
    r = io_read(fd, z->buf, z->size, deadline);
    if (r <= 0) return r;
    z->in.next_in = (Bytef *)z->buf;
    z->in.avail_in = (uInt)r;
  }
  return 0;
}
