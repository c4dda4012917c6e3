/* A new message of the queue, written and committed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>

#include "log.h"
#include "queue-file.h"
#include "queue-line.h"

#define BUFFER 65536

typedef struct writer {
  int fd;
  uint64_t size; /* of the message */
  uint64_t at;   /* written */
  size_t len;
  char buf[BUFFER];
} writer;

static int flush(writer *w)
{
  if (allwrite(w->fd, w->buf, w->len) < w->len) return -1;
  w->at += w->len;
  w->len = 0;
  return 1;
}

static int put(writer *w, char const *s, size_t n)
{
  while (n) {
    size_t room = BUFFER - w->len, part = n < room ? n : room;
    memcpy(w->buf + w->len, s, part);
    w->len += part;
    s += part;
    n -= part;
    if (w->len == BUFFER && flush(w) < 0) return -1;
  }
  return 1;
}

static int put_message(char const *s, size_t n, void *data)
{
  writer *w = data;
  w->size += n;
  return put(w, s, n);
}

static int pad(writer *w, size_t n)
{
  char filler[QUEUE_ALIGN];
  memset(filler, ' ', sizeof filler);
  if (n) filler[n - 1] = '\n';
  return put(w, filler, n);
}

/* The first line comes last: it has the message's size. */
static int put_first_line(writer *w, queue_file const *q)
{
  char line[QUEUE_HEADER];
  queue_line_header(line, q);
  if (w->at == 0)
    memcpy(w->buf, line, sizeof line);
  else if (pwrite(w->fd, line, sizeof line, 0) != (ssize_t)sizeof line)
    return -1;
  return flush(w);
}

/* One for each T; -1 too if there are more or fewer of them. */
static int put_records(writer *w, queue_file const *q, stralloc const *envelope)
{
  queue_record const fresh = {.status = QUEUE_WAITING},
                     expanded = {.status = QUEUE_GOOD,
                                 .next = q->time,
                                 .reply = "250 2.1.5 Expanded"};
  envelope_walk e = {.s = envelope->s, .len = envelope->len};
  char line[QUEUE_RECORD];
  parcel_record r;
  envelope_to to;
  unsigned n = 0;
  int good = 1;
  while (good > 0 && envelope_next(&e, &r) > 0) {
    if (r.type != PARCEL_TO) continue;
    good = envelope_recipient(&to, &r);
    if (good < 0) break;
    queue_line_record(line, to.route == ENVELOPE_EXPANDED ? &expanded : &fresh);
    n++;
    good = put(w, line, sizeof line);
  }
  envelope_end(&e);
  if (good > 0 && n != q->recipients) errno = EPROTO, good = -1;
  return good;
}

static int fill(writer *w, queue_file *q, stralloc const *envelope,
                compose const *c, char const *by)
{
  compose_trace const trace = {.by = by};
  if (pad(w, QUEUE_HEADER) < 0 || put(w, envelope->s, envelope->len) < 0 ||
      pad(w, (size_t)q->records - QUEUE_HEADER - q->envelope) < 0)
    return -1;
  if (put_records(w, q, envelope) < 0) return -1;
  if (compose_write(c, &trace, put_message, w) != 1) return -1;
  q->size = w->size;
  return put_first_line(w, q);
}

static int commit(int fd, int split, char const *name)
{
  if (fsync(fd) < 0) {
    log_warnsys("unable to sync a new message");
    return -1;
  }
  if (queue_name(fd, split, name) < 0) return 0;
  if (fsync(split) == 0) return 1;
  log_warnsys("unable to sync the queue's directory");
  if (unlinkat(split, name, 0) < 0) log_warnsys("unable to remove %s", name);
  return -1;
}

static int write_and_commit(int split, char const *id, queue_file *q,
                            stralloc const *envelope, compose const *c,
                            char const *by)
{
  static writer w;
  int r, e;
  w.fd = openat(split, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (w.fd < 0) return 0;
  w.size = w.at = w.len = 0;
  r = fill(&w, q, envelope, c, by) < 0 ? 0 : commit(w.fd, split, id);
  e = errno;
  close(w.fd);
  errno = e;
  return r;
}

int queue_file_new(int queue, char const *class, stralloc const *envelope,
                   unsigned recipients, compose const *c, char const *by,
                   char *id)
{
  queue_file q = {
      .time = time(0), .envelope = envelope->len, .recipients = recipients};
  char path[QUEUE_PATH];
  int split, r, e;
  snprintf(q.class, sizeof q.class, "%s", class);
  q.records = queue_records_at(q.envelope);
  q.message = q.records + (uint64_t)recipients * QUEUE_RECORD;
  queue_id_new(id);
  queue_path(path, id);
  split = queue_split(queue, path);
  if (split < 0) return 0;
  r = write_and_commit(split, id, &q, envelope, c, by);
  e = errno;
  close(split);
  errno = e;
  return r;
}
