#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "quota.h"

#define FILE_NAME "maildirsize"
#define LONGEST 5120 /* bytes of a file that is still read */
#define FRESH 900    /* seconds that a count is believed when it says no */

/* A number of at most 18 digits; 0 or how many bytes it has. */
static size_t number(char const *s, size_t len, int64_t *n)
{
  size_t i = 0, first = len && *s == '-';
  *n = 0;
  for (i = first; i < len && i < first + 18 && s[i] >= '0' && s[i] <= '9'; i++)
    *n = *n * 10 + (s[i] - '0');
  if (i == first || (i < len && s[i] >= '0' && s[i] <= '9')) return 0;
  if (first) *n = -*n;
  return i;
}

/* The limits come in any order. */
int quota_parse(quota *is, char const *s, size_t len)
{
  *is = (quota){0, 0};
  while (len) {
    int64_t n;
    size_t used = number(s, len, &n);
    if (!used || used == len || n < 0) return 0;
    if (s[used] == 'S')
      is->bytes = (uint64_t)n;
    else if (s[used] == 'C')
      is->messages = (uint64_t)n;
    used++;
    if (used < len && s[used++] != ',') return 0;
    s += used;
    len -= used;
  }
  return 1;
}

static int same_limits(char const *s, size_t len, quota const *limit)
{
  quota is;
  return quota_parse(&is, s, len) && is.bytes == limit->bytes &&
         is.messages == limit->messages;
}

static size_t blanks(char const *s, size_t len)
{
  size_t i = 0;
  while (i < len && s[i] == ' ') i++;
  return i;
}

/* "bytes messages", added to sum: 1 or 0 */
static int add_line(char const *s, size_t len, int64_t *bytes,
                    int64_t *messages)
{
  int64_t b, m;
  size_t i = blanks(s, len), used = number(s + i, len - i, &b);
  if (!used) return 0;
  i += used;
  used = blanks(s + i, len - i);
  if (!used) return 0;
  i += used;
  used = number(s + i, len - i, &m);
  i += used;
  if (!used || i + blanks(s + i, len - i) != len) return 0;
  return !__builtin_add_overflow(*bytes, b, bytes) &&
         !__builtin_add_overflow(*messages, m, messages);
}

int quota_read(quota *used, unsigned *lines, char const *s, size_t len,
               quota const *limit)
{
  int64_t bytes = 0, messages = 0;
  char const *end = s + len, *lf = len ? memchr(s, '\n', len) : 0;
  *lines = 0;
  if (!lf || !same_limits(s, (size_t)(lf - s), limit)) return 0;
  for (s = lf + 1; s < end; s = lf + 1, ++*lines) {
    lf = memchr(s, '\n', (size_t)(end - s));
    if (!lf || !add_line(s, (size_t)(lf - s), &bytes, &messages)) return 0;
  }
  if (!*lines || bytes < 0 || messages < 0) return 0;
  *used = (quota){(uint64_t)bytes, (uint64_t)messages};
  return 1;
}

static int fits(quota const *limit, quota const *used, quota const *more)
{
  return (!limit->bytes || used->bytes + more->bytes <= limit->bytes) &&
         (!limit->messages ||
          used->messages + more->messages <= limit->messages);
}

/* The file's sum: 1, with its time and records; 0 if it is of no use. */
static int from_file(int root, quota const *limit, quota *used, unsigned *lines,
                     struct timespec *written)
{
  char text[LONGEST];
  struct stat st;
  ssize_t n = -1;
  int fd = openat(root, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return 0;
  if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < LONGEST)
    n = read(fd, text, sizeof text);
  close(fd);
  *written = st.st_mtim;
  return n > 0 && n < LONGEST &&
         quota_read(used, lines, text, (size_t)n, limit) > 0;
}

static int unchanged(int root, struct timespec const *since)
{
  struct timespec changed;
  if (quota_changed(root, &changed) < 0) return 0;
  return changed.tv_sec < since->tv_sec ||
         (changed.tv_sec == since->tv_sec && changed.tv_nsec < since->tv_nsec);
}

/* A no is believed of a fresh count since which nothing changed. */
static int believed(int root, unsigned lines, struct timespec const *written)
{
  return lines <= 1 && time(0) - written->tv_sec <= FRESH &&
         unchanged(root, written);
}

int quota_room(int root, quota const *limit, quota const *more)
{
  quota used;
  unsigned lines;
  struct timespec written;
  if (!limit->bytes && !limit->messages) return 1;
  if (from_file(root, limit, &used, &lines, &written)) {
    if (fits(limit, &used, more)) return 1;
    if (believed(root, lines, &written)) return 0;
  }
  if (quota_count(root, limit, &used) < 0) return -1;
  return fits(limit, &used, more);
}

int quota_used(int root, quota const *limit, quota *used)
{
  unsigned lines;
  struct timespec written;
  *used = (quota){0, 0};
  if (!limit->bytes && !limit->messages) return 1;
  if (from_file(root, limit, used, &lines, &written) &&
      unchanged(root, &written))
    return 1;
  return quota_count(root, limit, used);
}

void quota_forget(int root)
{
  unlinkat(root, FILE_NAME, 0);
}

void quota_note(int root, int64_t bytes, int64_t messages)
{
  char line[64];
  int fd = openat(root, FILE_NAME,
                  O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  int n;
  if (fd < 0) return;
  n = snprintf(line, sizeof line, "%lld %lld\n", (long long)bytes,
               (long long)messages);
  /* a line that was written in part makes the file useless: it is counted */
  if (write(fd, line, (size_t)n) != n) unlinkat(root, FILE_NAME, 0);
  close(fd);
}
