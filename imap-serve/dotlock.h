/* Lock files as Dovecot uses them: NAME.lock beside the file NAME, which holds
   "PID:HOST" of the process that made it. */
#ifndef DOTLOCK_H
#define DOTLOCK_H

#define DOTLOCK_MS 30000 /* how long we wait for somebody else */

/* Makes the lock name in directory dir. 1, or -1 with errno (EAGAIN: it stayed
   taken). A lock whose process is gone, or that is older than a minute, is
   broken. */
int dotlock_take(int dir, char const *name);

void dotlock_drop(int dir, char const *name);

/* For the holder of a lock: replaces the file with the bytes s, durably, by
   way of the file temporary. seconds: its time, 0 for now. 1 or -1. */
int dotlock_replace(int dir, char const *file, char const *temporary,
                    char const *s, unsigned long n, long seconds);

#endif
