/* The process of which lanes are forked: it began when queue-run was small. A
   fork of queue-run itself would copy the tables of all its memory, and the
   plan's pages one by one where it goes on writing them: with a million
   messages that is most of what a delivery costs. */
#ifndef LANE_MAKER_H
#define LANE_MAKER_H

#include <sys/types.h>

#include "run.h"

/* Starts it; live is what a lane does with its socket. 1 or -1 with errno */
int lane_maker(run_config const *c, void (*live)(int fd, run_config const *c));

/* A new lane, a child of ours, with that socket: its pid, or -1 with errno.
   EPIPE: the maker was gone, there is another one now, and perhaps a lane that
   has the socket: it is to be used no more. */
pid_t lane_maker_fork(int fd);

#endif
