/* A new Maildir++ with its special-use mailboxes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "maildir.h"

char const *const maildir_kinds[MAILDIR_KINDS] = {"Drafts", "Sent", "Junk",
                                                  "Trash", "Archive"};

/* A folder's name is one component of a path below the Maildir. */
static int good_name(char const *s, size_t len)
{
  return len && len < MAILDIR_NAME - 1 && s[0] != '.' && s[len - 1] != '.' &&
         !memchr(s, '/', len) && !memmem(s, len, "..", 2);
}

void maildir_folder(char *to, char const *kind)
{
  char const *s = getenv("ROHRPOST_FOLDERS");
  size_t n = strlen(kind);
  while (s && *s) {
    size_t len = strcspn(s, ":");
    if (len > n && !strncmp(s, kind, n) && s[n] == '=' &&
        good_name(s + n + 1, len - n - 1)) {
      snprintf(to, MAILDIR_NAME + 1, ".%.*s", (int)(len - n - 1), s + n + 1);
      return;
    }
    s += len + (s[len] == ':');
  }
  snprintf(to, MAILDIR_NAME + 1, ".%s", kind);
}

static int sync_dir(int at, char const *path)
{
  int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r, e;
  if (fd < 0) return -1;
  r = fsync(fd);
  e = errno;
  close(fd);
  errno = e;
  return r;
}

static int make(int at, char const *path)
{
  return mkdirat(at, path, 0700) < 0 && errno != EEXIST ? -1 : 1;
}

/* cur, new and tmp below fd; new last: who sees it finds a whole Maildir */
static int make_three(int fd)
{
  return make(fd, "tmp") < 0 || make(fd, "cur") < 0 || make(fd, "new") < 0 ? -1
                                                                           : 1;
}

static int make_folder_at(int root, char const *name)
{
  int fd, mark, r, e;
  if (make(root, name) < 0) return -1;
  fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -1;
  mark = openat(fd, "maildirfolder", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (mark >= 0) close(mark);
  r = mark < 0 || make_three(fd) < 0 || fsync(fd) < 0 ? -1 : 1;
  e = errno;
  close(fd);
  errno = e;
  return r;
}

int maildir_folder_make(char const *dir, char const *name)
{
  int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r, e;
  if (root < 0) return -1;
  r = make_folder_at(root, name) < 0 || fsync(root) < 0 ? -1 : 1;
  e = errno;
  close(root);
  errno = e;
  return r;
}

static int write_subscriptions(int fd)
{
  char text[MAILDIR_KINDS * (MAILDIR_NAME + 1)], name[MAILDIR_NAME + 1];
  size_t len = 0;
  for (size_t i = 0; i < MAILDIR_KINDS; i++) {
    maildir_folder(name, maildir_kinds[i]);
    len += (size_t)snprintf(text + len, sizeof text - len, "%s\n", name + 1);
  }
  return io_write(fd, text, len, IO_FOREVER) < 0 || fsync(fd) < 0 ? -1 : 1;
}

/* Linked into place, so that a list of the user's own is never replaced. */
static int make_subscriptions(int root)
{
  char tmp[64];
  int fd, r, e;
  if (faccessat(root, "subscriptions", F_OK, 0) == 0) return 1;
  snprintf(tmp, sizeof tmp, "tmp/subscriptions.%u", (unsigned)getpid());
  fd = openat(root, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  r = write_subscriptions(fd);
  if (r > 0 && linkat(root, tmp, root, "subscriptions", 0) < 0 &&
      errno != EEXIST)
    r = -1;
  e = errno;
  unlinkat(root, tmp, 0);
  close(fd);
  errno = e;
  return r;
}

static int fill(int root)
{
  char name[MAILDIR_NAME + 1];
  for (size_t i = 0; i < MAILDIR_KINDS; i++) {
    maildir_folder(name, maildir_kinds[i]);
    if (make_folder_at(root, name) < 0) return -1;
  }
  if (make(root, "tmp") < 0 || make_subscriptions(root) < 0) return -1;
  return make_three(root) < 0 || fsync(root) < 0 ? -1 : 1;
}

/* Makes path with its missing parents, each durable in the one above. */
static int make_path(char *path)
{
  char *slash = strrchr(path, '/');
  int r;
  if (mkdir(path, 0700) == 0 || errno != ENOENT)
    return errno == EEXIST || access(path, F_OK) == 0 ? 1 : -1;
  if (!slash || slash == path) return -1;
  *slash = 0;
  r = make_path(path);
  *slash = '/';
  if (r < 0 || (mkdir(path, 0700) < 0 && errno != EEXIST)) return -1;
  return 1;
}

/* The directories above are few and rarely new: all are synced. */
static int sync_parents(char *path, unsigned depth)
{
  for (char *slash; depth-- && (slash = strrchr(path, '/')) && slash != path;) {
    *slash = 0;
    if (sync_dir(AT_FDCWD, path) < 0) return errno == EACCES ? 1 : -1;
  }
  return 1;
}

#define PARENTS 4 /* more levels than DOMAIN/USER below the mail root */

int maildir_make(char const *dir)
{
  char path[4096];
  int root, r, e;
  int n = snprintf(path, sizeof path, "%s/new", dir);
  if (n < 0 || (size_t)n >= sizeof path) return errno = ENAMETOOLONG, -1;
  if (access(path, F_OK) == 0) return 1;
  path[n - 4] = 0;
  if (make_path(path) < 0) return -1;
  root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return -1;
  r = fill(root);
  e = errno;
  close(root);
  errno = e;
  return r < 0 ? -1 : sync_parents(path, PARENTS);
}
