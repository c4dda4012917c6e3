#include <string.h>
#include <strings.h>

#include "log.h"
#include "show.h"

#define MOST 400 /* bytes of a line */

void show_bytes(session const *s, char const *what, uint64_t n)
{
  if (s->o->show)
    log_info("%s: C: (%s, %llu bytes)", s->id, what, (unsigned long long)n);
}

/* Its mechanism only if it is one: it may be the password. */
static char const *mechanism(char const *line)
{
  char const *m = line + 4 + strspn(line + 4, " ");
  size_t n = strcspn(m, " ");
  if (n != 5) return "";
  return !strncasecmp(m, "PLAIN", 5)   ? " PLAIN"
         : !strncasecmp(m, "LOGIN", 5) ? " LOGIN"
                                       : "";
}

void show_command(session const *s, command const *c, char const *line)
{
  if (!s->o->show) return;
  if (!c)
    show_bytes(s, "no command", strlen(line));
  else if (c->run == cmd_auth)
    log_info("%s: C: AUTH%s (%zu bytes)", s->id, mechanism(line), strlen(line));
  else
    log_info("%s: C: %.*s", s->id, MOST, line);
}

void show_reply(session const *s, char const *line)
{
  if (s->o->show) log_info("%s: S: %.*s", s->id, MOST, line);
}
