/* Programs that we keep running and talk to over a socket, which is their
   standard input and output. */
#ifndef CHILD_H
#define CHILD_H

#include <sys/types.h>

#include "io.h"

/* Runs argv, found by PATH, as the leader of a process group of its own, with
   no signal blocked and SIGPIPE, SIGTERM and SIGCHLD as by default. The socket
   to it (close-on-exec, blocking); -1: logged. */
int child_start(char const *const *argv, pid_t *pid);

/* When one that has failed may be started again: the delay doubles with each
   of its *failures, from 0.1 to 25 seconds. */
io_time child_delay(unsigned *failures);

#endif
