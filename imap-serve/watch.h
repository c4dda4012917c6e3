/* Waking when a directory changes. inotify(7) has few instances per user (128
   by default, and all sessions are one user's); when they have run out,
   F_NOTIFY of fcntl(2) does the same without any limit, by a signal. Where
   there is neither, WATCH_POLL_MS says how often to look. Both are only hints:
   whoever is woken looks at the directory. */
#ifndef WATCH_H
#define WATCH_H

#define WATCH_POLL_MS 2000

typedef struct watch {
  int fd;     /* to be polled for POLLIN; -1: neither of them works */
  int signal; /* it is a signalfd */
} watch;

#define WATCH_ZERO                                                             \
  {                                                                            \
    .fd = -1                                                                   \
  }

/* Watches nothing yet. 1; 0: fd is -1. At most one at a time. */
int watch_open(watch *w);

/* What comes, goes or is renamed in the directory, as long as it stays open.
   1 or -1 */
int watch_add(watch *w, int dir);

/* Takes the news away, so that poll waits for the next. */
void watch_drain(watch *w);

void watch_close(watch *w);

/* Of a directory that stays open; without meaning for inotify. */
void watch_remove(watch *w, int dir);

#endif
