#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/types.h>

#include "uidlist-parts.h"

#define BLOCK 65536

static size_t number(char const *s, size_t len, uint32_t *n)
{
  size_t i = 0;
  uint64_t v = 0;
  for (; i < len && s[i] >= '0' && s[i] <= '9'; i++) {
    v = v * 10 + (uint64_t)(s[i] - '0');
    if (v > UINT32_MAX) return 0;
  }
  *n = (uint32_t)v;
  return i;
}

static int header_word(uidlist *l, char const *s, size_t len)
{
  uint32_t n = 0;
  if (*s == 'G' && len < sizeof l->guid + 1) {
    memcpy(l->guid, s + 1, len - 1);
    l->guid[len - 1] = 0;
    return 1;
  }
  if (*s != 'V' && *s != 'N') {
    return stralloc_catb(&l->header, " ", 1) &&
                   stralloc_catb(&l->header, s, len)
               ? 1
               : -1;
  }
  if (number(s + 1, len - 1, &n) != len - 1 || !n) return 0;
  if (*s == 'V')
    l->validity = n;
  else
    l->next = n;
  return 1;
}

/* "3 V123 N4 G…", or version 1's "1 123 4". 1, 0: not a header, -1. */
static int header(uidlist *l, char const *s, size_t len)
{
  size_t at = 2;
  if (len > 2 && s[0] == '1' && s[1] == ' ') {
    size_t n = number(s + 2, len - 2, &l->validity);
    return n && len > n + 3 && number(s + n + 3, len - n - 3, &l->next) &&
           l->validity;
  }
  if (len < 3 || s[0] != '3' || s[1] != ' ') return 0;
  while (at < len) {
    char const *space = memchr(s + at, ' ', len - at);
    size_t n = space ? (size_t)(space - s) - at : len - at;
    int r = n ? header_word(l, s + at, n) : 1;
    if (r < 1) return r;
    at += n + 1;
  }
  return l->validity != 0;
}

/* "<uid> [ext …] :<name>", version 1: "<uid> <name>". What is none is left
   out and the file replaced at the next chance. */
static int record(uidlist *l, char const *s, size_t len)
{
  uint32_t uid;
  size_t n = number(s, len, &uid), from = n + 1;
  char const *name = 0;
  if (!n || !uid || n >= len || s[n] != ' ' ||
      (l->n && uid <= l->v[l->n - 1].uid))
    return l->damaged = 1;
  for (size_t at = from; at < len && !name;) {
    char const *space = memchr(s + at, ' ', len - at);
    if (s[at] == ':') name = s + at + 1;
    if (!space) break;
    at = (size_t)(space - s) + 1;
  }
  if (!name) name = s + from, from = len;
  len -= (size_t)(name - s);
  if (!len || memchr(name, '/', len) || memchr(name, 0, len))
    return l->damaged = 1;
  n = name > s + from + 1 ? (size_t)(name - s) - from - 2 : 0;
  if (uidlist_find(l, name, len) != UIDLIST_NONE) l->damaged = 1;
  return uidlist_push(l, uid, name, len, s + from, n);
}

static int line(uidlist *l, char const *s, size_t len)
{
  int r;
  if (l->validity) return record(l, s, len);
  r = header(l, s, len);
  if (r == 0) errno = EPROTO;
  return r > 0 ? 1 : -1;
}

/* Whole lines only: what has no end yet is being written, or was when its
   writer died. */
static int lines(uidlist *l, int fd)
{
  stralloc buf = STRALLOC_ZERO;
  int good = -1;
  for (;;) {
    char *lf;
    size_t at = 0;
    ssize_t r;
    if (!stralloc_readyplus(&buf, BLOCK)) break;
    r = pread(fd, buf.s + buf.len, BLOCK, l->read + (off_t)buf.len);
    if (r <= 0) {
      good = r < 0 ? -1 : 1;
      break;
    }
    buf.len += (size_t)r;
    while ((lf = memchr(buf.s + at, '\n', buf.len - at)) != 0) {
      size_t len = (size_t)(lf - buf.s) - at;
      if (line(l, buf.s + at, len) < 0) goto end;
      at += len + 1;
    }
    memmove(buf.s, buf.s + at, buf.len - at);
    buf.len -= at;
    l->read += (off_t)at;
  }
end:
  if (good > 0 && buf.len) l->damaged = 1;
  stralloc_free(&buf);
  return good;
}

static int reread(uidlist *l, int fd, struct stat const *st)
{
  if (st->st_dev != l->dev || st->st_ino != l->ino || st->st_size < l->read)
    uidlist_restart(l);
  l->dev = st->st_dev;
  l->ino = st->st_ino;
  if (lines(l, fd) < 0) {
    int e = errno;
    uidlist_restart(l);
    if (e != EPROTO) return errno = e, -1;
    l->read = st->st_size;
  }
  l->told = l->n;
  return 1;
}

int uidlist_read(uidlist *l, int dir)
{
  struct stat st;
  int r, e, fd = openat(dir, UIDLIST_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) {
    if (errno != ENOENT) return -1;
    if (!l->validity) return 0;
    uidlist_restart(l);
    l->ino = 0;
    return 1;
  }
  uidlist_undo(l);
  r = fstat(fd, &st);
  if (r == 0 &&
      (st.st_dev != l->dev || st.st_ino != l->ino || st.st_size != l->read))
    r = reread(l, fd, &st);
  e = errno;
  close(fd);
  return errno = e, r;
}

/* 1: l knows validity and next; 0: it must be read wholly; -1 */
static int ends(uidlist *l, int fd, off_t size)
{
  char buf[4096];
  char *lf;
  uint32_t uid = 0;
  ssize_t n = pread(fd, buf, sizeof buf, 0);
  if (n < 0) return -1;
  lf = memchr(buf, '\n', (size_t)n);
  if (!lf || buf[0] != '3' || header(l, buf, (size_t)(lf - buf)) < 1) return 0;
  if (size == lf + 1 - buf) return 1;
  n = pread(fd, buf, sizeof buf,
            size > (off_t)sizeof buf ? size - (off_t)sizeof buf : 0);
  if (n < 2) return n < 0 ? -1 : 0;
  if (buf[n - 1] != '\n') return 0;
  lf = memrchr(buf, '\n', (size_t)n - 1);
  if (!lf || !number(lf + 1, (size_t)(buf + n - lf - 1), &uid) || !uid ||
      uid == UINT32_MAX)
    return 0;
  if (l->next <= uid) l->next = uid + 1;
  return 1;
}

int uidlist_read_end(uidlist *l, int dir)
{
  struct stat st;
  int r = -1, e, fd = openat(dir, UIDLIST_FILE, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? uidlist_read(l, dir) : -1;
  uidlist_restart(l);
  if (fstat(fd, &st) == 0) r = ends(l, fd, st.st_size);
  e = errno;
  close(fd);
  if (r > 0) {
    l->dev = st.st_dev;
    l->ino = st.st_ino;
    l->read = st.st_size;
    return 1;
  }
  if (r < 0) return errno = e, -1;
  uidlist_free(l);
  return uidlist_read(l, dir) < 0 ? -1 : 1;
}
