/* Lock files as Dovecot uses them: NAME.lock in the mailbox, made with O_EXCL,
   holding "PID:HOST". */
#ifndef DOTLOCK_H
#define DOTLOCK_H

#define DOTLOCK_MS 30000 /* how long we wait for somebody else */

/* Makes name in directory dir; *fd, if not 0, becomes the open lock file
   (written to and renamed by those who replace a file that way), else it is
   closed. 1, or -1 with errno (EAGAIN: it stayed taken). A lock whose process
   is gone, or that nobody has touched for a minute, is broken. */
int dotlock_take(int dir, char const *name, int *fd);

void dotlock_drop(int dir, char const *name);

#endif
