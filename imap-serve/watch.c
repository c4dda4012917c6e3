#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "watch.h"

#define EVENTS (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)
#define CHANGES (DN_CREATE | DN_DELETE | DN_RENAME | DN_MULTISHOT)

/* SIGIO, blocked, is at most once pending, whatever happens. */
static int open_signal(void)
{
  sigset_t io;
  sigemptyset(&io);
  sigaddset(&io, SIGIO);
  if (sigprocmask(SIG_BLOCK, &io, 0) < 0) return -1;
  return signalfd(-1, &io, SFD_NONBLOCK | SFD_CLOEXEC);
}

int watch_open(watch *w)
{
  w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  w->signal = w->fd < 0;
  if (w->signal) w->fd = open_signal();
  return w->fd >= 0;
}

int watch_add(watch *w, int dir)
{
  char path[40];
  if (w->fd < 0) return errno = EBADF, -1;
  if (w->signal) return fcntl(dir, F_NOTIFY, CHANGES) < 0 ? -1 : 1;
  /* by its descriptor, so that a rename of the mailbox does not matter */
  snprintf(path, sizeof path, "/proc/self/fd/%d", dir);
  return inotify_add_watch(w->fd, path, EVENTS | IN_ONLYDIR) < 0 ? -1 : 1;
}

void watch_remove(watch *w, int dir)
{
  if (w->signal && w->fd >= 0) fcntl(dir, F_NOTIFY, 0);
}

void watch_drain(watch *w)
{
  char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
  while (read(w->fd, buf, sizeof buf) > 0)
    ;
}

void watch_close(watch *w)
{
  if (w->fd >= 0) close(w->fd);
  *w = (watch)WATCH_ZERO;
}
