#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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
  return write(fd, buf, (size_t)n) == n ? 1 : -1;
}

int dotlock_take(int dir, char const *name, int *keep)
{
  io_time until = io_after(DOTLOCK_MS);
  unsigned tries = 0;
  for (;;) {
    struct timespec pause = {.tv_nsec = 1000000};
    int fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
      if (!keep && write_owner(fd) < 0) {
        int e = errno;
        close(fd);
        unlinkat(dir, name, 0);
        return errno = e, -1;
      }
      if (keep)
        *keep = fd;
      else
        close(fd);
      return 1;
    }
    if (errno != EEXIST) return -1;
    if (io_now() >= until) return errno = EAGAIN, -1;
    if (tries++ % 64 == 8) break_stale(dir, name);
    if (tries > 50) pause.tv_nsec = 10000000;
    nanosleep(&pause, 0);
  }
}

void dotlock_drop(int dir, char const *name)
{
  unlinkat(dir, name, 0);
}
