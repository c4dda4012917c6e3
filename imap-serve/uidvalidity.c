#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/unix-transactional.h>

#include "uidlist.h"

#define BASE "dovecot-uidvalidity"
#define NAME_SIZE (sizeof BASE + 9)

static void name_of(char *to, uint32_t n)
{
  snprintf(to, NAME_SIZE, BASE ".%08x", (unsigned)n);
}

/* The highest that has a file: 1, 0 none, -1 */
static int highest(int root, uint32_t *n)
{
  DIR *d = opendir_at(root, ".");
  struct dirent *e;
  int found = 0;
  if (!d) return -1;
  *n = 0;
  while (errno = 0, (e = readdir(d)) != 0) {
    char *end;
    unsigned long v;
    if (strncmp(e->d_name, BASE ".", sizeof BASE)) continue;
    v = strtoul(e->d_name + sizeof BASE, &end, 16);
    if (*end || strlen(e->d_name) != NAME_SIZE - 1) continue;
    if (v > *n) *n = (uint32_t)v;
    found = 1;
  }
  if (errno) found = -1;
  closedir(d);
  return found;
}

/* What readers of the plain file see; the empty one's name is the truth. */
static void tell(int root, uint32_t n)
{
  char text[9];
  int fd =
      openat(root, BASE, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return;
  snprintf(text, sizeof text, "%08x", (unsigned)n);
  if (pwrite(fd, text, 8, 0) == 8) fsync(fd);
  close(fd);
}

uint32_t uidvalidity_next(int root)
{
  for (unsigned tries = 0; tries < 1000; tries++) {
    char old[NAME_SIZE], new[NAME_SIZE];
    uint32_t n;
    int r = highest(root, &n);
    if (r < 0) return 0;
    name_of(old, n);
    n = r ? n + 1 : (uint32_t)time(0);
    if (!n) return errno = EOVERFLOW, 0;
    name_of(new, n);
    if (!r) {
      int fd = openat(root, new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
      if (fd < 0 && errno != EEXIST) return 0;
      if (fd < 0) continue;
      close(fd);
    } else if (renameat2(root, old, root, new, RENAME_NOREPLACE) < 0) {
      if (errno != ENOENT && errno != EEXIST) return 0;
      continue;
    }
    if (fsync(root) < 0) return 0;
    tell(root, n);
    return n;
  }
  return errno = EAGAIN, 0;
}
