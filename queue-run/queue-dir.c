/* The queue's directory, the ids of its messages and their places. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "log.h"
#include "queue-file.h"

#define TIME_DIGITS 11 /* base 32 microseconds until the year 3111 */
#define PID_DIGITS (QUEUE_ID - TIME_DIGITS)
#define DIR_LEN 7 /* of "mess/xx" */

static char const digits[] = "0123456789abcdefghijklmnopqrstuv";

char const *queue_directory(void)
{
  static char path[1024];
  char const *s = getenv("ROHRPOST_QUEUE");
  if (s && *s) return s;
  s = getenv("ROHRPOST_VAR");
  snprintf(path, sizeof path, "%s/queue", s && *s ? s : "/var/lib/rohrpost");
  return path;
}

static int make(int queue)
{
  struct stat st;
  if (fstatat(queue, "trigger", &st, 0) == 0 &&
      fstatat(queue, "mess", &st, 0) == 0)
    return 1;
  if (mkdirat(queue, "mess", 0700) < 0 && errno != EEXIST) return -1;
  if (mkfifoat(queue, "trigger", 0600) < 0 && errno != EEXIST) return -1;
  return fsync(queue) < 0 ? -1 : 1;
}

/* root would leave files that the queue's own user cannot read. */
static int owned(int fd)
{
  struct stat st;
  if (fstat(fd, &st) < 0) return 0;
  return geteuid() || !st.st_uid ? 1 : (errno = EPERM, 0);
}

int queue_open(char const *path)
{
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), e;
  if (fd < 0 || (owned(fd) && make(fd) > 0)) return fd;
  e = errno;
  close(fd);
  errno = e;
  return -1;
}

static void number(char *to, unsigned n, uint64_t x)
{
  while (n--) {
    to[n] = digits[x & 31];
    x >>= 5;
  }
}

/* The time in microseconds, never the same twice in one process, then the
   process id: no two processes that live at once have the same. */
void queue_id_new(char *id)
{
  static uint64_t last;
  struct timeval now;
  uint64_t t;
  gettimeofday(&now, 0);
  t = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_usec;
  if (t <= last) t = last + 1;
  last = t;
  queue_id_put(id, t, (uint32_t)getpid());
}

void queue_id_put(char *id, uint64_t time, uint32_t process)
{
  number(id, TIME_DIGITS, time);
  number(id + TIME_DIGITS, PID_DIGITS, process);
  id[QUEUE_ID] = 0;
}

int queue_id_valid(char const *id, size_t len)
{
  if (len != QUEUE_ID) return 0;
  for (size_t i = 0; i < len; i++)
    if (!id[i] || !strchr(digits, id[i])) return 0;
  return 1;
}

static unsigned digit(char c)
{
  return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

static uint64_t value(char const *s, unsigned n)
{
  uint64_t x = 0;
  while (n--) x = x << 5 | digit(*s++);
  return x;
}

uint64_t queue_id_time(char const *id)
{
  return value(id, TIME_DIGITS);
}

uint32_t queue_id_process(char const *id)
{
  return (uint32_t)value(id + TIME_DIGITS, PID_DIGITS);
}

void queue_path(char *to, char const *id)
{
  unsigned split = (unsigned)(queue_id_time(id) % QUEUE_SPLIT);
  snprintf(to, QUEUE_PATH, "mess/%02x/%s", split, id);
}

int queue_split(int queue, char const *path)
{
  char name[DIR_LEN + 1];
  int fd, mess, r;
  snprintf(name, sizeof name, "%.*s", DIR_LEN, path);
  fd = openat(queue, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0 || errno != ENOENT) return fd;
  if (mkdirat(queue, name, 0700) < 0 && errno != EEXIST) return -1;
  mess = openat(queue, "mess", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (mess < 0) return -1;
  r = fsync(mess);
  close(mess);
  return r < 0 ? -1 : openat(queue, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int queue_name(int fd, int split, char const *name)
{
  char self[32];
  if (linkat(fd, "", split, name, AT_EMPTY_PATH) == 0) return 1;
  if (errno != ENOENT && errno != EPERM && errno != EINVAL) return -1;
  snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
  return linkat(AT_FDCWD, self, split, name, AT_SYMLINK_FOLLOW) < 0 ? -1 : 1;
}

void queue_ring(int queue, char const *id, char const *mark)
{
  char line[QUEUE_ID + 8];
  int n = snprintf(line, sizeof line, "%s%s\n", id, mark);
  int fd = openat(queue, "trigger", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd >= 0) {
    if (write(fd, line, (size_t)n) < 0 && errno != EAGAIN)
      log_warnsys("unable to wake queue-run");
    close(fd);
  }
  /* after the hint: queue-run reads hints once more when it has written it */
  if (*mark && unlinkat(queue, QUEUE_SNAPSHOT, 0) < 0 && errno != ENOENT)
    log_warnsys("unable to remove " QUEUE_SNAPSHOT);
}
