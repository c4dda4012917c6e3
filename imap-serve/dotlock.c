#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>

#include "dotlock.h"
#include "io.h"

#define STALE_SECONDS 60
#define HOST_SIZE 256

static void host(char *to)
{
  if (gethostname(to, HOST_SIZE) < 0) to[0] = 0;
  to[HOST_SIZE - 1] = 0;
}

/* Whether the lock's owner was a process of this host that is no more. */
static int owner_gone(int fd)
{
  char buf[HOST_SIZE + 16], me[HOST_SIZE], proc[32];
  char *colon;
  ssize_t r = pread(fd, buf, sizeof buf - 1, 0);
  if (r <= 0) return 0;
  buf[r] = 0;
  colon = strchr(buf, ':');
  if (!colon) return 0;
  host(me);
  if (strcmp(colon + 1, me) || access("/proc/self", F_OK) < 0) return 0;
  *colon = 0;
  snprintf(proc, sizeof proc, "/proc/%ld", strtol(buf, 0, 10));
  return access(proc, F_OK) < 0 && errno == ENOENT;
}

/* Removes a lock that nobody holds. Two who find it stale at once must not
   remove each other's new one: the second to get the flock sees that. */
static void break_stale(int dir, char const *name)
{
  struct stat st, now;
  int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return;
  if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 &&
      (owner_gone(fd) || st.st_mtime + STALE_SECONDS < time(0)) &&
      fstatat(dir, name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
      now.st_ino == st.st_ino)
    unlinkat(dir, name, 0);
  close(fd);
}

static int write_owner(int fd)
{
  char buf[HOST_SIZE + 16], me[HOST_SIZE];
  int n;
  host(me);
  n = snprintf(buf, sizeof buf, "%ld:%s", (long)getpid(), me);
  return allwrite(fd, buf, (size_t)n) < (size_t)n ? -1 : 1;
}

/* For file systems without nameless files: who is killed between the two
   steps leaves a lock that says nothing and goes with its age. */
static int make_named(int dir, char const *name)
{
  int e, r,
      fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  r = write_owner(fd);
  e = errno;
  close(fd);
  if (r < 0) unlinkat(dir, name, 0);
  return errno = e, r;
}

/* The lock gets its name when it says already whose it is. 1 or -1 EEXIST */
static int make(int dir, char const *name)
{
  char path[40];
  int e, r, fd;
  if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
    return errno = EEXIST, -1;
  fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return make_named(dir, name);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  r = write_owner(fd);
  if (r > 0)
    r = linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW) < 0 ? -1 : 1;
  e = errno;
  close(fd);
  if (r < 0 && e != EEXIST) return make_named(dir, name);
  return errno = e, r;
}

int dotlock_take(int dir, char const *name)
{
  io_time until = io_after(DOTLOCK_MS);
  for (unsigned tries = 0;; tries++) {
    struct timespec pause = {.tv_nsec = tries > 50 ? 10000000 : 1000000};
    if (make(dir, name) > 0) return 1;
    if (errno != EEXIST) return -1;
    if (io_now() >= until) return errno = EAGAIN, -1;
    if (tries % 64 == 8) break_stale(dir, name);
    nanosleep(&pause, 0);
  }
}

void dotlock_drop(int dir, char const *name)
{
  unlinkat(dir, name, 0);
}

int dotlock_replace(int dir, char const *file, char const *temporary,
                    char const *s, unsigned long n, long seconds)
{
  struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_sec = seconds}};
  int e, good,
      fd = openat(dir, temporary,
                  O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -1;
  good = allwrite(fd, s, n) == n && (!seconds || futimens(fd, times) == 0) &&
         fsync(fd) == 0 && renameat(dir, temporary, dir, file) == 0 &&
         fsync(dir) == 0;
  e = errno;
  close(fd);
  return errno = e, good ? 1 : -1;
}
