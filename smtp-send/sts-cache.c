#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>

#include "conf.h"
#include "sts-cache.h"

#define NAME_BYTES 253
#define HEAD_BYTES 100
#define FAILED_DAY 86400

int sts_cache_name(char const *domain)
{
  size_t n = strlen(domain);
  if (!n || n > NAME_BYTES || *domain == '.' || strstr(domain, "..")) return 0;
  return strspn(domain, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == n;
}

static int path(char *to, char const *dir, char const *under,
                char const *domain)
{
  int n = snprintf(to, CONF_PATH_MAX, "%s/%s%s", dir, under, domain);
  return n > 0 && n < CONF_PATH_MAX ? 1 : (errno = ENAMETOOLONG, -1);
}

static int read_all(int fd, stralloc *to)
{
  char buf[4096];
  ssize_t n;
  to->len = 0;
  while ((n = read(fd, buf, sizeof buf)) > 0)
    if (to->len + (size_t)n > STS_BYTES + HEAD_BYTES ||
        !stralloc_catb(to, buf, (size_t)n))
      return -1;
  return n < 0 ? -1 : 1;
}

/* "id=ID fetched=SECONDS\n", then the text */
static int understand(sts_entry *e)
{
  long long fetched;
  int used = 0;
  char *end = e->text.len ? memchr(e->text.s, '\n', e->text.len) : 0;
  if (!end) return 0;
  *end = 0;
  if (sscanf(e->text.s, "id=%32[0-9A-Za-z] fetched=%lld%n", e->id, &fetched,
             &used) != 2 ||
      e->text.s[used])
    return 0;
  e->fetched = (time_t)fetched;
  e->text.len -= (size_t)(end + 1 - e->text.s);
  memmove(e->text.s, end + 1, e->text.len);
  return 1;
}

int sts_cache_read(sts_entry *e, char const *dir, char const *domain)
{
  char name[CONF_PATH_MAX];
  struct stat st;
  int fd, good;
  if (path(name, dir, "", domain) < 0) return -1;
  fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return errno == ENOENT ? 0 : -1;
  good = fstat(fd, &st) < 0 ? -1 : read_all(fd, &e->text);
  close(fd);
  if (good < 0) return -1;
  e->checked = st.st_mtime;
  return understand(e);
}

static int put(int fd, sts_entry const *e)
{
  char head[HEAD_BYTES];
  int n = snprintf(head, sizeof head, "id=%s fetched=%lld\n", e->id,
                   (long long)e->fetched);
  if (allwrite(fd, head, (size_t)n) < (size_t)n ||
      allwrite(fd, e->text.s, e->text.len) < e->text.len)
    return -1;
  return fsync(fd) < 0 ? -1 : 1;
}

int sts_cache_write(sts_entry const *e, char const *dir, char const *domain)
{
  char name[CONF_PATH_MAX], new[CONF_PATH_MAX];
  int fd, r, err;
  if (path(name, dir, "", domain) < 0 || path(new, dir, ".new.", "XXXXXX") < 0)
    return -1;
  fd = mkostemp(new, O_CLOEXEC);
  if (fd < 0) return -1;
  r = put(fd, e);
  if (r > 0 && (fchmod(fd, 0644) < 0 || rename(new, name) < 0)) r = -1;
  err = errno;
  close(fd);
  if (r < 0) unlink(new);
  return errno = err, r;
}

int sts_cache_touch(char const *dir, char const *domain)
{
  char name[CONF_PATH_MAX];
  if (path(name, dir, "", domain) < 0) return -1;
  return utimensat(AT_FDCWD, name, 0, AT_SYMLINK_NOFOLLOW) < 0 ? -1 : 1;
}

int sts_cache_fail(char const *dir, char const *domain)
{
  char name[CONF_PATH_MAX];
  int fd;
  if (path(name, dir, "failed", "") < 0) return -1;
  if (mkdir(name, 0755) < 0 && errno != EEXIST) return -1;
  if (path(name, dir, "failed/", domain) < 0) return -1;
  fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return -1;
  futimens(fd, 0);
  close(fd);
  return 1;
}

time_t sts_cache_failed(char const *dir, char const *domain)
{
  char name[CONF_PATH_MAX];
  struct stat st;
  if (path(name, dir, "failed/", domain) < 0 || stat(name, &st) < 0) return 0;
  return st.st_mtime;
}

static void clean(char const *dir, time_t before)
{
  DIR *d = opendir(dir);
  struct dirent *e;
  char name[CONF_PATH_MAX];
  struct stat st;
  if (!d) return;
  while ((e = readdir(d)))
    if (path(name, dir, "", e->d_name) > 0 && lstat(name, &st) == 0 &&
        S_ISREG(st.st_mode) && st.st_mtime < before)
      unlink(name);
  closedir(d);
}

void sts_cache_clean(char const *dir)
{
  char failed[CONF_PATH_MAX];
  clean(dir, time(0) - (time_t)STS_YEAR);
  if (path(failed, dir, "failed", "") > 0) clean(failed, time(0) - FAILED_DAY);
}
