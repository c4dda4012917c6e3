#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "conf.h"

#define TABLES "/var/lib/rohrpost/tables"
#define RUN "/run/rohrpost"

char const *conf_me(void)
{
  static char name[256];
  char const *me = getenv("ROHRPOST_ME");
  if (me && *me) return me;
  if (!*name && (gethostname(name, sizeof name - 1) < 0 || !*name))
    return "localhost";
  return name;
}

char const *conf_tmp(void)
{
  char const *dir = getenv("TMPDIR");
  return dir && *dir ? dir : "/tmp";
}

static char const *join(char *buf, char const *var, char const *dir,
                        char const *name)
{
  char const *d = getenv(var);
  if (!d || !*d) d = dir;
  if (snprintf(buf, CONF_PATH_MAX, "%s/%s", d, name) >= CONF_PATH_MAX)
    strerr_dief2x(100, var, " is too long");
  return buf;
}

char const *conf_table(char const *name)
{
  static char buf[CONF_PATH_MAX];
  return join(buf, "ROHRPOST_TABLES", TABLES, name);
}

void conf_directory(char const *path, char *to, unsigned size)
{
  char const *slash = strrchr(path, '/');
  snprintf(to, size, "%.*s", slash ? (int)(slash - path + 1) : 1,
           slash ? path : ".");
}

char const *conf_secrets(char const *name)
{
  static char buf[CONF_PATH_MAX];
  return join(buf, "ROHRPOST_TABLES", TABLES, name);
}

char const *conf_asked(char const *name)
{
  static char buf[CONF_PATH_MAX];
  return join(buf, "ROHRPOST_RUN", RUN, name);
}

char const *conf_socket(char const *name)
{
  static char buf[CONF_PATH_MAX];
  return join(buf, "ROHRPOST_RUN", RUN, name);
}
