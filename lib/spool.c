#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool.h"

#define FIRST 16384
#define PIECE 65536

uint64_t spool_size(spool const *s)
{
  return s->filed + s->len;
}

static int grow(spool *s, size_t n)
{
  size_t room = s->room ? s->room : FIRST;
  char *p;
  if (s->len + n <= s->room) return 1;
  while (room < s->len + n) room *= 2;
  if (room > SPOOL_MEMORY) room = SPOOL_MEMORY;
  p = realloc(s->buf, room);
  if (!p) return -1;
  s->buf = p;
  s->room = room;
  return 1;
}

/* A file without a name, also where the file system has no O_TMPFILE. */
static int nameless(char const *dir)
{
  int fd;
  size_t n;
  char *name;
  if (!dir) return errno = ENOENT, -1;
  n = strlen(dir);
  fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
    return fd;
  name = malloc(n + sizeof "/.spool.XXXXXX");
  if (!name) return -1;
  memcpy(name, dir, n);
  memcpy(name + n, "/.spool.XXXXXX", sizeof "/.spool.XXXXXX");
  fd = mkostemp(name, O_CLOEXEC);
  if (fd >= 0) unlink(name);
  free(name);
  return fd;
}

/* All of it at the end of the file, or nothing. */
static int append(spool *s, char const *p, size_t n)
{
  for (size_t done = 0; done < n;) {
    ssize_t w = pwrite(s->fd, p + done, n - done, (off_t)(s->filed + done));
    if (w < 0 && errno == EINTR) continue;
    if (w <= 0) return errno = w ? errno : ENOSPC, -1;
    done += (size_t)w;
  }
  s->filed += n;
  return 1;
}

static int spill(spool *s)
{
  if (s->fd < 0) s->fd = nameless(s->dir);
  if (s->fd < 0) return -1;
  if (append(s, s->buf, s->len) < 0) return -1;
  s->len = 0;
  return 1;
}

int spool_put(spool *s, void const *p, size_t n)
{
  if (s->len + n > SPOOL_MEMORY) {
    if (spill(s) < 0) return -1;
    if (n > SPOOL_MEMORY) return append(s, p, n);
  }
  if (grow(s, n) < 0) return -1;
  memcpy(s->buf + s->len, p, n);
  s->len += n;
  return 1;
}

int64_t spool_read(spool const *s, char *to, size_t n, uint64_t offset)
{
  size_t at;
  if (offset < s->filed) {
    ssize_t r;
    if (n > s->filed - offset) n = (size_t)(s->filed - offset);
    do r = pread(s->fd, to, n, (off_t)offset);
    while (r < 0 && errno == EINTR);
    return r ? r : (errno = EIO, -1);
  }
  if (offset >= spool_size(s)) return 0;
  at = (size_t)(offset - s->filed);
  if (n > s->len - at) n = s->len - at;
  memcpy(to, s->buf + at, n);
  return (int64_t)n;
}

int spool_get(spool const *s, char *to, size_t n)
{
  for (size_t have = 0; have < n;) {
    int64_t r = spool_read(s, to + have, n - have, have);
    if (r <= 0) return r < 0 ? -1 : (errno = EIO, -1);
    have += (size_t)r;
  }
  return 1;
}

int spool_each(spool const *s, int (*each)(char const *, size_t, void *),
               void *data)
{
  char piece[PIECE];
  for (uint64_t at = 0; at < s->filed;) {
    int64_t n = spool_read(s, piece, sizeof piece, at);
    int r = n < 0 ? -1 : each(piece, (size_t)n, data);
    if (r != 1) return r;
    at += (uint64_t)n;
  }
  return s->len ? each(s->buf, s->len, data) : 1;
}

void spool_reset(spool *s)
{
  if (s->fd >= 0) close(s->fd);
  s->fd = -1;
  s->filed = 0;
  s->len = 0;
  if (s->room <= FIRST) return;
  free(s->buf);
  s->buf = 0;
  s->room = 0;
}

void spool_free(spool *s)
{
  spool_reset(s);
  free(s->buf);
  s->buf = 0;
  s->room = 0;
}
