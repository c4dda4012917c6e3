/* What a program may still do after its files are open: landlock, seccomp,
   rlimits, not dumpable. Missing kernel support is one log line, no error.
   In a build with sanitizers the seccomp part is left out. */
#ifndef JAIL_H
#define JAIL_H

#include <stddef.h>

typedef struct jail_path {
  char const *path;
  int write; /* create, write, rename, remove below it; else read only */
} jail_path;

enum {
  JAIL_NET = 1,  /* may still open sockets and connect */
  JAIL_FORK = 2, /* may still fork */
  JAIL_EXEC = 4  /* may still exec (launchers, filters that run programs) */
};

typedef struct jail {
  jail_path const *paths; /* ends with a null path; an empty list: no file can
                             be opened or named any more; 0: files as before */
  unsigned flags;
  size_t memory; /* RLIMIT_AS in bytes, 0: as it is */
} jail;

/* First line of main of a program that holds secrets: not dumpable, no core. */
void jail_secret(void);

/* 1, or -1 with errno if a wall that the kernel has could not be put up. A
   path that does not exist is left out. May be called again, to tighten. Stays
   over fork and exec. */
int jail_enter(jail const *j);

#endif
