/* Counting what a Maildir++ holds. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/unix-transactional.h>

#include "io.h"
#include "maildir.h"
#include "quota.h"

static int count_file(int dir, char const *name, quota *sum)
{
  maildir_name m;
  struct stat st;
  maildir_parse(&m, name);
  if (m.size == UINT64_MAX) {
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
      return errno == ENOENT ? 1 : -1; /* moved on meanwhile */
    m.size = (uint64_t)st.st_size;
  }
  sum->bytes += m.size;
  sum->messages++;
  return 1;
}

/* Calls one() for new and cur of one mailbox; those that are not there are
   none. */
typedef int one_dir(int fd, void *data);

static int one_of(int at, char const *sub, one_dir *one, void *data)
{
  int fd = openat(at, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r, e;
  if (fd < 0) return errno == ENOENT || errno == ENOTDIR ? 1 : -1;
  r = one(fd, data);
  e = errno;
  close(fd);
  errno = e;
  return r;
}

static int both(int at, one_dir *one, void *data)
{
  return one_of(at, "new", one, data) < 0 ? -1 : one_of(at, "cur", one, data);
}

/* The same for all mailboxes. */
static int all(int root, one_dir *one, void *data)
{
  DIR *d;
  struct dirent *e;
  int r = both(root, one, data), err;
  if (r < 0) return -1;
  d = opendir_at(root, ".");
  if (!d) return -1;
  while (errno = 0, r > 0 && (e = readdir(d))) {
    int fd;
    if (*e->d_name != '.' || !e->d_name[1] || !strcmp(e->d_name, ".."))
      continue;
    fd = openat(root, e->d_name,
                O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) continue; /* no mailbox, or gone */
    r = both(fd, one, data);
    err = errno;
    close(fd);
    errno = err;
  }
  if (errno) r = -1;
  err = errno;
  closedir(d);
  errno = err;
  return r;
}

static int count_dir(int fd, void *data)
{
  DIR *d = opendir_at(fd, ".");
  struct dirent *e;
  int r = 1, err;
  if (!d) return -1;
  while (errno = 0, r > 0 && (e = readdir(d)))
    if (*e->d_name != '.') r = count_file(fd, e->d_name, data);
  if (errno) r = -1;
  err = errno;
  closedir(d);
  errno = err;
  return r;
}

static int later(int fd, void *data)
{
  struct timespec *t = data;
  struct stat st;
  if (fstat(fd, &st) < 0) return -1;
  if (st.st_mtim.tv_sec > t->tv_sec ||
      (st.st_mtim.tv_sec == t->tv_sec && st.st_mtim.tv_nsec > t->tv_nsec))
    *t = st.st_mtim;
  return 1;
}

int quota_changed(int root, struct timespec *t)
{
  *t = (struct timespec){0, 0};
  return all(root, later, t);
}

static int write_file(int fd, quota const *limit, quota const *used)
{
  char text[160];
  size_t n = 0;
  if (limit->bytes)
    n += (size_t)snprintf(text, sizeof text, "%lluS",
                          (unsigned long long)limit->bytes);
  if (limit->messages)
    n += (size_t)snprintf(text + n, sizeof text - n, "%s%lluC", n ? "," : "",
                          (unsigned long long)limit->messages);
  n += (size_t)snprintf(text + n, sizeof text - n, "\n%llu %llu\n",
                        (unsigned long long)used->bytes,
                        (unsigned long long)used->messages);
  return io_write(fd, text, n, IO_FOREVER);
}

static void save(int root, quota const *limit, quota const *used)
{
  char tmp[MAILDIR_NAME + 8], unique[MAILDIR_NAME + 1];
  int fd;
  if (!maildir_unique(unique, 0, 0, 0)) return;
  snprintf(tmp, sizeof tmp, "tmp/%s", unique);
  fd = openat(root, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return;
  if (write_file(fd, limit, used) < 0 ||
      renameat(root, tmp, root, "maildirsize") < 0)
    unlinkat(root, tmp, 0);
  close(fd);
}

int quota_count(int root, quota const *limit, quota *used)
{
  struct timespec before, after;
  *used = (quota){0, 0};
  if (quota_changed(root, &before) < 0 || all(root, count_dir, used) < 0 ||
      quota_changed(root, &after) < 0)
    return -1;
  if (before.tv_sec == after.tv_sec && before.tv_nsec == after.tv_nsec)
    save(root, limit, used);
  else
    quota_forget(root); /* the next one counts again */
  return 1;
}
