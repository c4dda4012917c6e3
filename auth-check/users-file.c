#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include "addr.h"
#include "io.h"
#include "users-file.h"

#define PATH_SIZE 1100

static int with_suffix(char *to, char const *path, char const *suffix)
{
  if (snprintf(to, PATH_SIZE, "%s%s", path, suffix) < PATH_SIZE) return 1;
  return errno = ENAMETOOLONG, -1;
}

int users_file_open(users_file *f, char const *path)
{
  char lock[PATH_SIZE];
  *f = (users_file){.path = path, .lock = -1};
  if (with_suffix(lock, path, ".lock") < 0) return -1;
  f->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (f->lock < 0) return -1;
  while (flock(f->lock, LOCK_EX) < 0)
    if (errno != EINTR) return -1;
  if (!openslurpclose(&f->text, path) && errno != ENOENT) return -1;
  if (f->text.len && f->text.s[f->text.len - 1] != '\n' &&
      !stralloc_catb(&f->text, "\n", 1))
    return -1;
  return 1;
}

/* The next entry from *pos on: its address, and where its line ends. */
static int next(stralloc const *text, size_t *pos, size_t *start, size_t *len)
{
  while (*pos < text->len) {
    char const *s = text->s + *pos, *end, *colon;
    size_t n, left = text->len - *pos;
    end = memchr(s, '\n', left);
    n = end ? (size_t)(end - s) : left;
    *start = *pos;
    *pos += end ? n + 1 : n;
    if (!n || *s == '#') continue;
    /* a hash has no colon, a quoted local part may */
    colon = memrchr(s, ':', n);
    if (!colon) continue;
    *len = (size_t)(colon - s);
    while (*len && (s[*len - 1] == ' ' || s[*len - 1] == '\t')) --*len;
    return 1;
  }
  return 0;
}

int users_file_find(stralloc const *text, stralloc const *key, size_t *start,
                    size_t *end)
{
  stralloc k = STRALLOC_ZERO;
  size_t len;
  int found = 0;
  *end = 0;
  while (!found && next(text, end, start, &len)) {
    k.len = 0;
    found = addr_key(&k, text->s + *start, len) > 0 && k.len == key->len &&
            !memcmp(k.s, key->s, k.len);
  }
  stralloc_free(&k);
  return found;
}

void users_file_each(stralloc const *text,
                     void (*each)(char const *s, size_t len))
{
  size_t pos = 0, start, len;
  while (next(text, &pos, &start, &len)) each(text->s + start, len);
}

static int write_to(int fd, users_file const *f)
{
  struct stat st;
  if (stat(f->path, &st) == 0) {
    if (fchown(fd, st.st_uid, st.st_gid) < 0 && errno != EPERM) return -1;
    if (fchmod(fd, st.st_mode & 07777) < 0) return -1;
  } else if (errno != ENOENT)
    return -1;
  if (io_write(fd, f->text.s, f->text.len, IO_FOREVER) < 0) return -1;
  return fsync(fd) < 0 ? -1 : 1;
}

static int sync_directory(char const *path)
{
  char dir[PATH_SIZE];
  char const *slash = strrchr(path, '/');
  int fd, r, e;
  snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path + 1) : 1,
           slash ? path : ".");
  fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  r = fsync(fd);
  e = errno;
  close(fd);
  return errno = e, r < 0 ? -1 : 1;
}

int users_file_write(users_file *f)
{
  char new[PATH_SIZE];
  int fd, e, r;
  if (with_suffix(new, f->path, ".new") < 0) return -1;
  unlink(new); /* of one who died: we hold the lock */
  fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  r = write_to(fd, f);
  e = errno;
  close(fd);
  if (r > 0 && rename(new, f->path) == 0) return sync_directory(f->path);
  if (r > 0) e = errno;
  unlink(new);
  return errno = e, -1;
}
