#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/stralloc.h>
#include <skalibs/types.h>

#include "dotlock.h"
#include "keywords.h"

#define LOCK KEYWORDS_FILE ".lock"
#define FILE_MAX 65536

void keywords_free(keywords *k)
{
  for (unsigned i = 0; i < KEYWORDS; i++) free(k->name[i]);
  *k = (keywords)KEYWORDS_ZERO;
}

static int line(keywords *k, char const *s, size_t len)
{
  unsigned n;
  size_t used = uint_scan(s, &n);
  if (!used || used >= len || s[used] != ' ' || n >= KEYWORDS) return 1;
  s += used + 1;
  len -= used + 1;
  if (!len || len > KEYWORD_MAX || k->name[n]) return 1;
  k->name[n] = strndup(s, len);
  return k->name[n] ? 1 : -1;
}

static int same(keywords const *k, struct stat const *st)
{
  return st->st_ino == k->ino && st->st_size == k->size &&
         st->st_mtim.tv_sec == k->time.tv_sec &&
         st->st_mtim.tv_nsec == k->time.tv_nsec;
}

static void remember(keywords *k, struct stat const *st)
{
  k->ino = st->st_ino;
  k->size = st->st_size;
  k->time = st->st_mtim;
}

static int load(keywords *k, int fd)
{
  char *buf = malloc(FILE_MAX);
  ssize_t n = buf ? pread(fd, buf, FILE_MAX - 1, 0) : -1;
  int good = n < 0 ? -1 : 1;
  for (ssize_t at = 0; good > 0 && at < n;) {
    char *lf = memchr(buf + at, '\n', (size_t)(n - at));
    if (!lf) break;
    *lf = 0;
    good = line(k, buf + at, (size_t)(lf - buf - at));
    at = lf + 1 - buf;
  }
  free(buf);
  return good;
}

int keywords_read(keywords *k, int dir)
{
  struct stat st;
  int r, fd = openat(dir, KEYWORDS_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) {
    if (errno != ENOENT) return -1;
    if (!k->ino) return 0;
    keywords_free(k);
    return 1;
  }
  r = fstat(fd, &st) < 0 ? -1 : !same(k, &st);
  if (r > 0) {
    keywords_free(k);
    r = load(k, fd);
    if (r > 0) remember(k, &st);
  }
  close(fd);
  return r;
}

int keywords_find(keywords const *k, char const *s, size_t len)
{
  for (int i = 0; i < KEYWORDS; i++)
    if (k->name[i] && strlen(k->name[i]) == len &&
        !strncasecmp(k->name[i], s, len))
      return i;
  return -1;
}

int keywords_add(keywords *k, char const *s, size_t len)
{
  int i = keywords_find(k, s, len);
  if (i >= 0) return i;
  if (len > KEYWORD_MAX) return errno = ENAMETOOLONG, -1;
  for (i = 0; i < KEYWORDS; i++) {
    if (k->name[i]) continue;
    k->name[i] = strndup(s, len);
    return k->name[i] ? i : -1;
  }
  return errno = EOVERFLOW, -1;
}

static int format(stralloc *all, keywords const *k)
{
  for (unsigned i = 0; i < KEYWORDS; i++) {
    char fmt[UINT_FMT];
    if (k->name[i] &&
        !(stralloc_catb(all, fmt, uint_fmt(fmt, i)) &&
          stralloc_cats(all, " ") && stralloc_cats(all, k->name[i]) &&
          stralloc_cats(all, "\n")))
      return 0;
  }
  return 1;
}

/* Dovecot tells a changed file by its time in whole seconds, so each new one
   is at least a second younger than the one before. */
static long next_time(int dir)
{
  struct stat st;
  long now = time(0);
  if (fstatat(dir, KEYWORDS_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0) return now;
  return st.st_mtime >= now ? st.st_mtime + 1 : now;
}

int keywords_write(keywords *k, int dir)
{
  stralloc all = STRALLOC_ZERO;
  struct stat st;
  int e, good;
  if (dotlock_take(dir, LOCK) < 0) return -1;
  good = format(&all, k) &&
         dotlock_replace(dir, KEYWORDS_FILE, KEYWORDS_FILE ".tmp", all.s,
                         all.len, next_time(dir)) > 0 &&
         fstatat(dir, KEYWORDS_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0;
  e = errno;
  if (good) remember(k, &st);
  dotlock_drop(dir, LOCK);
  stralloc_free(&all);
  return errno = e, good ? 1 : -1;
}
