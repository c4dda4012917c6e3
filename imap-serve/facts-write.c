#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>

#include "dotlock.h"
#include "facts-parts.h"
#include "uidlist.h"

#define TEMPORARY FACTS_FILE ".tmp"
#define WASTE 4096 /* bytes that may say nothing */

static int put_line(stralloc *to, char const *key, char const *value,
                    size_t len)
{
  static char const digits[] = "0123456789ABCDEF";
  if (!stralloc_cats(to, key) || !stralloc_append(to, ' ')) return 0;
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)value[i];
    char coded[3] = {'%', digits[c >> 4], digits[c & 15]};
    int plain = c >= ' ' && c != 127 && c != '%';
    if (!stralloc_catb(to, plain ? value + i : coded, plain ? 1 : 3)) return 0;
  }
  return stralloc_append(to, '\n');
}

/* Behind the last whole line: one that its writer did not end goes. The
   directory, too: whoever made the file may have died before its fsync. */
static int append(facts const *f, int dir, stralloc const *line)
{
  int e, good,
      fd = openat(dir, FACTS_FILE, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                  0600);
  off_t at = (off_t)f->text.len;
  if (fd < 0) return -1;
  good = (f->size == at || ftruncate(fd, at) == 0) &&
         lseek(fd, at, SEEK_SET) == at &&
         allwrite(fd, line->s, line->len) == line->len && fsync(fd) == 0 &&
         fsync(dir) == 0;
  e = errno;
  if (!good && ftruncate(fd, at) < 0) e = errno;
  close(fd);
  return errno = e, good ? 1 : -1;
}

/* Only what is true, and the line. */
static int replace(fact const *v, size_t n, int dir, stralloc const *line)
{
  stralloc all = STRALLOC_ZERO;
  size_t key = fact_key(line->s, line->len - 1);
  int e, good = 1;
  for (size_t i = 0; good && i < n; i++)
    if (v[i].key != key || memcmp(v[i].s, line->s, key))
      good =
          stralloc_catb(&all, v[i].s, v[i].len) && stralloc_append(&all, '\n');
  good = good && stralloc_cat(&all, line) &&
         dotlock_replace(dir, FACTS_FILE, TEMPORARY, all.s, all.len, 0) > 0;
  e = errno;
  stralloc_free(&all);
  return errno = e, good ? 1 : -1;
}

static int write_line(facts *f, int dir, stralloc const *line)
{
  size_t n, bytes = 0;
  fact *v;
  int e, r;
  if (f->text.len <= WASTE && (f->size <= FACTS_MAX))
    return append(f, dir, line);
  v = facts_true(f, &n);
  if (!v) return -1;
  for (size_t i = 0; i < n; i++) bytes += v[i].len + 1;
  if (bytes + line->len > FACTS_MAX)
    r = -1, errno = EFBIG;
  else if (f->size > FACTS_MAX || f->text.len - bytes > WASTE + bytes)
    r = replace(v, n, dir, line);
  else
    r = append(f, dir, line);
  e = errno;
  free(v);
  return errno = e, r;
}

/* Whether the key has this value already: 1, 0 or -1 */
static int is(facts const *f, char const *key, char const *value, size_t len)
{
  stralloc now = STRALLOC_ZERO;
  int r = facts_get(f, key, &now);
  if (r >= 0) r = r ? now.len == len && !memcmp(now.s, value, len) : !len;
  stralloc_free(&now);
  return r;
}

int facts_put(facts *f, int dir, char const *key, char const *value, size_t len)
{
  stralloc line = STRALLOC_ZERO;
  size_t n = strlen(key);
  int e, r;
  if (!value) value = "", len = 0;
  if (fact_key(key, n) != n || !n) return errno = EINVAL, -1;
  if (len > FACTS_VALUE) return errno = EFBIG, -1;
  if (facts_read(f, dir) < 0) return -1;
  r = is(f, key, value, len);
  if (r) return r;
  r = put_line(&line, key, value, len) ? write_line(f, dir, &line) : -1;
  e = errno;
  stralloc_free(&line);
  if (r > 0 && facts_read(f, dir) < 0) return -1;
  return errno = e, r;
}

int facts_set(int dir, char const *key, char const *value, size_t len)
{
  facts f = FACTS_ZERO;
  int e, r;
  if (uidlist_lock(dir) < 0) return -1;
  r = facts_put(&f, dir, key, value, len);
  e = errno;
  uidlist_unlock(dir);
  facts_free(&f);
  return errno = e, r;
}
