#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>

#include "edit-via.h"
#include "queue-line.h"
#include "via.h"

#define PIECE 65536

static int put_to(stralloc *to, parcel_record const *r, char const *via)
{
  stralloc s = STRALLOC_ZERO;
  int done = via_put(&s, r, via, 0);
  if (done > 0) done = envelope_add(to, &(parcel_record){r->type, s.s, s.len});
  stralloc_free(&s);
  return done;
}

static int put_envelope(stralloc *to, queue_file const *q, char const *marks,
                        char const *via)
{
  envelope_walk w = queue_file_walk(q);
  parcel_record r;
  unsigned i = 0;
  int done = 1;
  while (done > 0 && envelope_next(&w, &r) > 0) {
    int marked = r.type == PARCEL_TO && i < q->recipients && marks[i];
    if (r.type == PARCEL_TO) i++;
    done = marked ? put_to(to, &r, via) : envelope_add(to, &r);
  }
  envelope_end(&w);
  return done;
}

static int pad(stralloc *s, size_t len)
{
  size_t n = len - s->len;
  if (!n) return 1;
  if (!stralloc_readyplus(s, n)) return -1;
  memset(s->s + s->len, ' ', n);
  s->len = len;
  s->s[len - 1] = '\n';
  return 1;
}

/* All up to the message, and what q is then. */
static int make_head(stralloc *head, queue_file const *q, queue_file *new,
                     char const *marks, char const *via)
{
  char const *records = q->head + q->records;
  size_t n = (size_t)q->recipients * QUEUE_RECORD;
  if (pad(head, QUEUE_HEADER) < 0 || put_envelope(head, q, marks, via) < 0)
    return -1;
  *new = *q;
  new->envelope = head->len - QUEUE_HEADER;
  new->records = queue_records_at(new->envelope);
  new->message = new->records + n;
  if (pad(head, (size_t) new->records) < 0 || !stralloc_catb(head, records, n))
    return -1;
  queue_line_header(head->s, new);
  return 1;
}

static int copy_message(int to, queue_file const *q)
{
  static char piece[PIECE];
  uint64_t at = q->message, end = at + q->size;
  while (at < end) {
    size_t n = end - at < PIECE ? (size_t)(end - at) : PIECE;
    ssize_t got = pread(q->fd, piece, n, (off_t)at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return errno = got ? errno : EPROTO, -1;
    if (allwrite(to, piece, (size_t)got) < (size_t)got) return -1;
    at += (uint64_t)got;
  }
  return 1;
}

/* The lock comes before the name: nobody tries it before we are done, and it
   tells that the new name is no leftover. */
static int replace(int fd, int split, char const *id)
{
  char name[QUEUE_ID + sizeof QUEUE_NEW];
  snprintf(name, sizeof name, "%s" QUEUE_NEW, id);
  if (fsync(fd) < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) return -1;
  if (unlinkat(split, name, 0) < 0 && errno != ENOENT) return -1;
  if (queue_name(fd, split, name) < 0) return -1;
  if (renameat(split, name, split, id) < 0) {
    int e = errno;
    unlinkat(split, name, 0);
    return errno = e, -1;
  }
  return fsync(split) < 0 ? -1 : 1;
}

static int write_new(queue_file const *q, int split, char const *id,
                     stralloc const *head)
{
  int fd = openat(split, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), e;
  if (fd < 0) return -1;
  if (allwrite(fd, head->s, head->len) == head->len &&
      copy_message(fd, q) > 0 && replace(fd, split, id) > 0)
    return fd;
  e = errno;
  close(fd);
  errno = e;
  return -1;
}

int edit_via(queue_file *q, int queue, char const *id, char const *marks,
             char const *via)
{
  stralloc head = STRALLOC_ZERO;
  queue_file new;
  char path[QUEUE_PATH];
  int split, fd = -1, e;
  queue_path(path, id);
  split = queue_split(queue, path);
  if (split < 0) return -1;
  if (make_head(&head, q, &new, marks, via) > 0)
    fd = write_new(q, split, id, &head);
  e = errno;
  close(split);
  stralloc_free(&head);
  if (fd < 0) return errno = e, -1;
  close(q->fd);
  q->fd = fd;
  return 1;
}
