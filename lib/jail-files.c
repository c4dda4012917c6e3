/* Landlock, by raw system calls: the C library has no wrappers, and Debian
   12's headers know less than newer kernels. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jail-parts.h"

/* <linux/landlock.h> of ABI 6, written out */
#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1
#define FS_EXECUTE (1ull << 0)
#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)
#define FS_REFER (1ull << 13)
#define FS_TRUNCATE (1ull << 14)
#define FS_IOCTL_DEV (1ull << 15)
#define FS_ABI1 ((1ull << 13) - 1)
#define NET_BOTH 3ull
#define SCOPE_ABSTRACT_UNIX_SOCKET 1ull

struct ruleset {
  uint64_t fs, net, scoped;
};

struct __attribute__((packed)) path_rule {
  uint64_t allowed;
  int32_t parent;
};

static long create(struct ruleset const *r, size_t n, uint32_t flags)
{
  return syscall(SYS_landlock_create_ruleset, r, n, flags);
}

/* Rights that make sense on a file which is no directory. */
#define FS_ON_FILE                                                             \
  (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

static int allow(int set, jail_path const *p, uint64_t handled, unsigned flags)
{
  struct stat st;
  struct path_rule rule;
  long r;
  int e, fd = open(p->path, O_PATH | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? 1 : -1; /* nothing there to allow */
  if (fstat(fd, &st) < 0) {
    close(fd);
    return -1;
  }
  rule.parent = fd;
  rule.allowed = p->write ? handled & ~(FS_EXECUTE | FS_IOCTL_DEV)
                          : FS_READ_FILE | FS_READ_DIR;
  if (flags & JAIL_EXEC) rule.allowed |= FS_EXECUTE;
  if (!S_ISDIR(st.st_mode)) rule.allowed &= FS_ON_FILE;
  rule.allowed &= handled;
  r = syscall(SYS_landlock_add_rule, set, RULE_PATH_BENEATH, &rule, 0);
  e = errno;
  close(fd);
  return errno = e, r < 0 ? -1 : 1;
}

static uint64_t fs_rights(long abi)
{
  uint64_t fs = FS_ABI1;
  if (abi >= 2) fs |= FS_REFER;
  if (abi >= 3) fs |= FS_TRUNCATE;
  if (abi >= 5) fs |= FS_IOCTL_DEV;
  return fs;
}

static int enter(int set, jail const *j, uint64_t handled)
{
  for (jail_path const *p = j->paths; p && p->path; p++)
    if (allow(set, p, handled, j->flags) < 0) return -1;
  return syscall(SYS_landlock_restrict_self, set, 0) < 0 ? -1 : 1;
}

int jail_files(jail const *j)
{
  struct ruleset r = {0};
  long abi = create(0, 0, CREATE_RULESET_VERSION);
  int e, good, set;
  size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
  if (abi < 1) return 0;
  if (j->paths) r.fs = fs_rights(abi);
  if (abi >= 4 && !(j->flags & JAIL_NET)) r.net = NET_BOTH;
  if (abi >= 6) r.scoped = SCOPE_ABSTRACT_UNIX_SOCKET;
  if (!r.fs && !r.net && !r.scoped) return 1;
  set = (int)create(&r, size, 0);
  if (set < 0) return -1;
  good = enter(set, j, r.fs);
  e = errno;
  close(set);
  return errno = e, good;
}
