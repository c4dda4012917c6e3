#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue-file.h"
#include "queue-line.h"

#define LOCK_STEP_MS 20

static int read_at(int fd, char *to, size_t n, uint64_t offset)
{
  for (size_t have = 0; have < n;) {
    ssize_t r = pread(fd, to + have, n - have, (off_t)(offset + have));
    if (r < 0 && errno == EINTR) continue;
    if (r <= 0) return r < 0 ? -1 : (errno = EPROTO, -1);
    have += (size_t)r;
  }
  return 1;
}

static int load(queue_file *q)
{
  char line[QUEUE_HEADER];
  struct stat st;
  if (fstat(q->fd, &st) < 0 || read_at(q->fd, line, sizeof line, 0) < 0)
    return -1;
  if (!S_ISREG(st.st_mode) || !queue_line_header_read(q, line) ||
      (uint64_t)st.st_size != q->message + q->size)
    return errno = EPROTO, -1;
  q->head = malloc((size_t)q->message);
  if (!q->head) return -1;
  return read_at(q->fd, q->head, (size_t)q->message, 0);
}

/* 1, or -1 with EBUSY. */
static int lock(int fd, int how)
{
  for (int waited = 0; flock(fd, how | LOCK_NB) < 0; waited += LOCK_STEP_MS) {
    if (errno != EWOULDBLOCK && errno != EINTR) return -1;
    if (waited >= QUEUE_LOCK_MS) return errno = EBUSY, -1;
    poll(0, 0, LOCK_STEP_MS);
  }
  return 1;
}

/* Whether the open file has that name still: who waited for its lock may find
   that it was removed, or that another has its place. */
static int is_named(int fd, int queue, char const *path)
{
  struct stat a, b;
  return fstat(fd, &a) == 0 && fstatat(queue, path, &b, 0) == 0 &&
         a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

int queue_file_open(queue_file *q, int queue, char const *id, int why)
{
  char path[QUEUE_PATH];
  *q = (queue_file){.fd = -1};
  queue_path(path, id);
  for (;;) {
    q->fd = openat(queue, path, (why ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (q->fd < 0) return errno == ENOENT ? 0 : -1;
    if (why == QUEUE_READ) break;
    if (lock(q->fd, why == QUEUE_TRY ? LOCK_SH : LOCK_EX) < 0) goto bad;
    if (is_named(q->fd, queue, path)) break;
    queue_file_close(q);
  }
  if (load(q) > 0) return 1;
bad:
  queue_file_close(q);
  return -1;
}

void queue_file_rest(queue_file *q)
{
  flock(q->fd, LOCK_UN);
}

int queue_file_again(queue_file *q, int queue, char const *id)
{
  char path[QUEUE_PATH];
  queue_path(path, id);
  if (lock(q->fd, LOCK_SH) < 0) return -1;
  return is_named(q->fd, queue, path);
}

void queue_file_close(queue_file *q)
{
  int e = errno;
  if (q->fd >= 0) close(q->fd);
  free(q->head);
  *q = (queue_file){.fd = -1};
  errno = e;
}

envelope_walk queue_file_walk(queue_file const *q)
{
  return (envelope_walk){.s = q->head + QUEUE_HEADER, .len = q->envelope};
}

/* A record that cannot be read waits: nothing is lost by that. */
void queue_record_get(queue_file const *q, unsigned i, queue_record *r)
{
  char const *line = q->head + q->records + (size_t)i * QUEUE_RECORD;
  *r = (queue_record){.status = QUEUE_UNSURE};
  if (!queue_line_record_read(r, line))
    *r = (queue_record){.status = QUEUE_UNSURE};
}

static int fresh(queue_file *q, uint64_t at, size_t n)
{
  return read_at(q->fd, q->head + at, n, at);
}

int queue_record_fresh(queue_file *q, unsigned i)
{
  return fresh(q, q->records + (uint64_t)i * QUEUE_RECORD, QUEUE_RECORD);
}

int queue_records_fresh(queue_file *q)
{
  return fresh(q, q->records, (size_t)q->recipients * QUEUE_RECORD);
}

void queue_record_set(queue_file *q, unsigned i, queue_record const *r)
{
  queue_line_record(q->head + q->records + (size_t)i * QUEUE_RECORD, r);
}

int queue_record_put(queue_file *q, unsigned i, queue_record const *r)
{
  size_t at = (size_t)q->records + (size_t)i * QUEUE_RECORD;
  queue_record_set(q, i, r);
  return pwrite(q->fd, q->head + at, QUEUE_RECORD, (off_t)at) == QUEUE_RECORD
             ? 1
             : -1;
}
