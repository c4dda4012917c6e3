/* A command that reads a message and writes a little: started, fed, and ended
   within its time. */
#ifndef COMMAND_H
#define COMMAND_H

#include <sys/types.h>

#include <skalibs/stralloc.h>

#include "crlf.h"
#include "io.h"

#define COMMAND_OUTPUT 65536 /* most bytes that it may write */

typedef struct command {
  char const *const *argv;
  int64_t ms;
  int alone; /* nothing of ours: env is all its environment, it runs in /, and
                it and what it started end with us and with its message */
  pid_t pid; /* 0: not running */
  int in, out;
  io_time deadline;
  stralloc output, text;
  crlf lines;
} command;

#define COMMAND_ZERO                                                           \
  {                                                                            \
    .in = -1, .out = -1                                                        \
  }

/* env: NAME=value strings, each with its NUL, added to our own environment
   unless it is alone. The command is the leader of a process group of its own.
   1 or -1. */
int command_start(command *c, stralloc const *env);

/* Message bytes with CRLF line ends; the command gets LF. One that closes its
   input or has ended misses nothing. 1; -1: its time is up (ETIMEDOUT), it
   wrote too much (EMSGSIZE), or worse: then it is killed. */
int command_feed(command *c, char const *s, size_t len);

/* End of the message: the exit code; -1 as above, also for a signal. Its
   output is in c->output. */
int command_end(command *c);

void command_kill(command *c);
void command_free(command *c);

#endif
