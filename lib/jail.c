#include <errno.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "jail.h"
#include "jail-parts.h"
#include "log.h"

/* LeakSanitizer wants to look at its own process. */
static int hide(void)
{
#ifdef ROHRPOST_SAN
  return 0;
#else
  return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

void jail_secret(void)
{
  struct rlimit const none = {0, 0};
  hide();
  setrlimit(RLIMIT_CORE, &none);
}

static int limit(int what, rlim_t value)
{
  struct rlimit now;
  if (getrlimit(what, &now) < 0) return -1;
  if (now.rlim_cur <= value) return 1;
  now.rlim_cur = value;
  if (now.rlim_max > value) now.rlim_max = value;
  return setrlimit(what, &now) < 0 ? -1 : 1;
}

static int limits(jail const *j)
{
  if (limit(RLIMIT_CORE, 0) < 0) return -1;
#ifndef ROHRPOST_SAN /* the shadow memory is terabytes of address space */
  if (j->memory && limit(RLIMIT_AS, j->memory) < 0) return -1;
#endif
  if (!(j->flags & JAIL_FORK) && getuid() && limit(RLIMIT_NPROC, 0) < 0)
    return -1;
  return 1;
}

/* What the kernel lacks is said once, by the first jail of a process tree. */
static void lacking(char const *what)
{
  static int said;
  if (!said++) log_info("this kernel has no %s: going on without", what);
}

int jail_enter(jail const *j)
{
  int files, calls;
  if (hide() < 0) return -1;
  if (limits(j) < 0) return -1;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -1;
  files = jail_files(j);
  if (files < 0) return -1;
  calls = jail_calls(j);
  if (calls < 0) return -1;
  if (!files) lacking("landlock");
  if (!calls) lacking("seccomp");
  return 1;
}
