/* A library for LD_PRELOAD: the unix time is what the first 8 bytes of the file
   CLOCK say, and stands still until that is changed. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long long const volatile *now;

__attribute__((constructor)) static void begin(void)
{
  int fd = open(getenv("CLOCK"), O_RDONLY | O_CLOEXEC);
  now = mmap(0, sizeof *now, PROT_READ, MAP_SHARED, fd, 0);
  if (now == MAP_FAILED) _exit(111);
  close(fd);
}

time_t time(time_t *t)
{
  if (t) *t = (time_t)*now;
  return (time_t)*now;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
  (void)zone;
  *t = (struct timeval){.tv_sec = (time_t)*now};
  return 0;
}
