/* APPEND (6.3.11): the literal goes straight to a file in tmp/, its CRLFs as
   LFs; a message with other line ends is stored as if it had right ones. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>

#include "date.h"
#include "log.h"
#include "place.h"
#include "session.h"

#define CHUNK 16384
#define TMP_SIZE (MAILDIR_NAME + 8)

typedef struct appending {
  char dir[MAILDIR_NAME + 1];
  flag_list flags;
  int dated, sync;
  time_t date;
  uint64_t n; /* of the literal */
  place to;
  int fd;
  char tmp[TMP_SIZE];
  uint64_t size, wire;
  unsigned crs; /* CRs at the end that are not written yet, at most 1, and */
  int before;   /* whether another CR stands before that */
  int failed;   /* errno */
} appending;

static int date_time(parse *p, appending *a)
{
  text t;
  int offset;
  if (!parse_string(p, &t)) return 0;
  if (!date_parse_imap(t.s, t.len, &a->date, &offset)) {
    p->error = "Invalid date-time";
    return 0;
  }
  a->dated = 1;
  return 1;
}

static int append_parse(session *s, parse *p, appending *a)
{
  text name;
  char const *literal;
  if (!parse_sp(p) || !parse_astring(p, &name) || !parse_sp(p)) return 0;
  if (parse_peek(p, '(') && (!parse_flags(p, &a->flags) || !parse_sp(p)))
    return 0;
  if (parse_peek(p, '"') && (!date_time(p, a) || !parse_sp(p))) return 0;
  literal = p->s;
  if (!parse_literal_size(p, &a->n, &a->sync)) return 0;
  p->error = "";
  if (!session_directory(&name, a->dir))
    p->no = "[CANNOT] Invalid mailbox name";
  else if (a->n > s->append_max)
    p->no = "[TOOBIG] Message too big";
  else if (!a->n)
    p->no = "[CANNOT] Empty message";
  else
    p->error = 0;
  if (p->error) p->s = literal;
  return !p->error;
}

static int make_file(appending *a)
{
  char name[MAILDIR_NAME + 1];
  name[maildir_unique(name, 0, 0, 0)] = 0;
  name[strcspn(name, ",")] = 0;
  snprintf(a->tmp, sizeof a->tmp, "tmp/%s", name);
  a->fd = openat(a->to.box.dir, a->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                 0600);
  if (a->fd >= 0 || errno != ENOENT) return a->fd;
  if (mkdirat(a->to.box.dir, "tmp", 0700) < 0) return -1;
  return a->fd = openat(a->to.box.dir, a->tmp,
                        O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static void put(appending *a, char const *s, size_t n)
{
  if (a->failed) return;
  if (allwrite(a->fd, s, n) < n) a->failed = errno;
  a->size += n;
}

/* CRLF becomes LF unless the CR has another one before it: read back, an LF
   behind a CR stays alone, any other gets one. */
static void take(appending *a, char const *s, size_t n)
{
  char buf[CHUNK + 2];
  size_t len = 0;
  for (size_t i = 0; i < n; i++) {
    if (s[i] == '\n') {
      if (a->crs && a->before) buf[len++] = '\r';
      a->wire += a->crs ? 1 : 2;
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

/* 1, or 0: the client is gone */
static int receive(session *s, appending *a)
{
  char buf[CHUNK / 2];
  if (a->sync) out_line(&s->o, "+ OK");
  for (uint64_t left = a->n; left;) {
    ssize_t r =
        input_raw(&s->in, buf, left < sizeof buf ? (size_t)left : sizeof buf);
    if (r <= 0) return 0;
    if (!a->failed) take(a, buf, (size_t)r);
    left -= (uint64_t)r;
  }
  if (a->crs) put(a, "\r", 1);
  return 1;
}

static int finish_file(appending *a)
{
  struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = a->date}};
  if (a->failed) return errno = a->failed, -1;
  if (a->dated && futimens(a->fd, times) < 0) return -1;
  return fsync(a->fd) < 0 ? -1 : 1;
}

/* 1 or -1; the file has left tmp/ or not */
static int commit(appending *a)
{
  char base[MAILDIR_NAME + 1], path[MAILBOX_PATH];
  uint64_t letters;
  size_t n;
  if (finish_file(a) < 0 || place_lock(&a->to) < 0 ||
      flags_letters(&a->to.box, &a->flags, 1, &letters) < 0)
    return -1;
  n = maildir_unique(base, 0, a->size, a->wire);
  if (!n) return errno = ENAMETOOLONG, -1;
  base[n] = 0;
  if (place_path(path, base, letters) < 0 || place_add(&a->to, path) < 0)
    return -1;
  if (renameat2(a->to.box.dir, a->tmp, a->to.box.dir, path, RENAME_NOREPLACE) <
      0) {
    int e = errno;
    place_keep(&a->to);
    return errno = e, -1;
  }
  a->tmp[0] = 0;
  return place_commit(&a->to);
}

static void answer(session *s, appending const *a)
{
  char line[80];
  snprintf(line, sizeof line, "[APPENDUID %lu %lu] APPEND completed",
           (unsigned long)a->to.box.uids.validity, (unsigned long)a->to.first);
  session_update(s, 0, 1, 0);
  session_ok(s, line);
}

static void run(session *s, parse *p, appending *a)
{
  if (make_file(a) < 0) {
    p->s = p->end;
    a->failed = errno;
  }
  if (!receive(s, a) || !parse_next_line(p)) {
    p->gone = 1;
    session_bad(s, p);
  } else if (!parse_end(p)) {
    session_bad(s, p);
  } else if (a->fd < 0 || commit(a) < 0) {
    if (a->failed) errno = a->failed;
    session_no_errno(s, "append a message");
  } else {
    place_keep(&a->to);
    answer(s, a);
  }
  if (a->fd >= 0) {
    close(a->fd);
    if (a->tmp[0]) unlinkat(a->to.box.dir, a->tmp, 0);
  }
}

void cmd_append(session *s, parse *p, int uid)
{
  appending a = {.fd = -1};
  (void)uid;
  if (append_parse(s, p, &a) && place_open(&a.to, s->root, a.dir) < 0) {
    p->error = "";
    p->no = errno == ENOENT ? "[TRYCREATE] No such mailbox"
                            : "[UNAVAILABLE] Mailbox cannot be opened";
    while (p->s[-1] != '{') p->s--;
    p->s--;
  }
  if (p->error || p->gone) {
    session_bad(s, p);
    return;
  }
  run(s, p, &a);
  place_close(&a.to);
}
