#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>

#include "append-file.h"

#define CHUNK 16384

static int create(int dir, char const *name)
{
  return openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

int append_file_make(append_file *a, int dir)
{
  char name[MAILDIR_NAME + 1];
  *a = (append_file){.fd = -1};
  name[maildir_unique(name, 0, 0, 0)] = 0;
  name[strcspn(name, ",")] = 0;
  snprintf(a->tmp, sizeof a->tmp, "tmp/%s", name);
  a->fd = create(dir, a->tmp);
  if (a->fd < 0 && errno == ENOENT && mkdirat(dir, "tmp", 0700) == 0)
    a->fd = create(dir, a->tmp);
  if (a->fd >= 0) return 1;
  a->tmp[0] = 0;
  return a->failed = errno, -1;
}

static void put(append_file *a, char const *s, size_t n)
{
  if (a->failed) return;
  if (allwrite(a->fd, s, n) < n) a->failed = errno;
  a->size += n;
}

/* CRLF becomes LF unless the CR has another one before it: read back, an LF
   behind a CR stays alone, any other gets one. */
static void take(append_file *a, char const *s, size_t n)
{
  char buf[CHUNK + 2];
  size_t len = 0;
  for (size_t i = 0; i < n; i++) {
    if (s[i] == '\n') {
      if (a->crs && a->before) buf[len++] = '\r';
      a->wire += a->crs ? 1 : 2;
      a->bare |= !a->crs;
      buf[len++] = '\n';
      a->crs = 0;
      a->before = 0;
      continue;
    }
    if (a->crs) {
      buf[len++] = '\r';
      a->before = s[i] == '\r';
    } else {
      a->before = 0;
    }
    a->crs = s[i] == '\r';
    a->wire++;
    if (!a->crs) buf[len++] = s[i];
  }
  put(a, buf, len);
}

int append_file_receive(append_file *a, input *in, uint64_t n)
{
  char buf[CHUNK / 2];
  while (n) {
    ssize_t r = input_raw(in, buf, n < sizeof buf ? (size_t)n : sizeof buf);
    if (r <= 0) return 0;
    if (!a->failed) take(a, buf, (size_t)r);
    n -= (uint64_t)r;
  }
  return 1;
}

int append_file_end(append_file *a, time_t const *date)
{
  if (a->crs) put(a, "\r", 1);
  a->crs = 0;
  if (a->failed) return errno = a->failed, -1;
  if (date) {
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = *date}};
    if (futimens(a->fd, times) < 0) return -1;
  }
  /* so that the files of one command share a commit of the journal */
  sync_file_range(a->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
  close(a->fd);
  a->fd = -1;
  return 1;
}

/* By a new descriptor: what went wrong since the last one is told to it. */
int append_file_sync(int dir, char const *tmp)
{
  int e, r, fd = openat(dir, tmp, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return -1;
  r = fsync(fd);
  e = errno;
  close(fd);
  return errno = e, r < 0 ? -1 : 1;
}

void append_file_drop(append_file *a, int dir)
{
  if (a->fd >= 0) close(a->fd);
  a->fd = -1;
  if (a->tmp[0]) unlinkat(dir, a->tmp, 0);
  a->tmp[0] = 0;
}
