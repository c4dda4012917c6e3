#include <stdio.h>
#include <string.h>

#include <skalibs/strerr.h>

#include "conf.h"
#include "jail.h"
#include "table-jail.h"

/* The table is replaced by a rename, so it is its directory that must stay
   readable. */
void table_jail(char const *path, unsigned flags)
{
  static char dir[CONF_PATH_MAX];
  char *slash;
  jail_path paths[] = {{dir, 0}, {conf_secrets(""), 0}, {0, 0}};
  if (snprintf(dir, sizeof dir, "%s", path) >= (int)sizeof dir)
    strerr_dief1x(100, "the table's path is too long");
  slash = strrchr(dir, '/');
  if (slash)
    slash[slash == dir] = 0;
  else
    memcpy(dir, ".", 2);
  if (jail_enter(&(struct jail){.paths = paths, .flags = flags}) < 0)
    strerr_diefu1sys(111, "enter the jail");
}
