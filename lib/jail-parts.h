/* The two walls of lib/jail. Each: 1, 0 if the kernel or the build has none,
   -1 with errno. */
#ifndef JAIL_PARTS_H
#define JAIL_PARTS_H

#include "jail.h"

int jail_files(jail const *j); /* landlock */
int jail_calls(jail const *j); /* seccomp */

#endif
