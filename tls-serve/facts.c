#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "facts.h"

void facts_add(char *facts, size_t size, size_t *len, char const *name,
               char const *value)
{
  int n = snprintf(facts + *len, size - *len, "%s=%s", name, value);
  if (n < 0 || (size_t)n >= size - *len) return;
  for (char *s = facts + *len; *s; s++)
    if (*s < ' ' || *s > '~') *s = '?';
  *len += (size_t)n + 1;
}

int facts_put(int fd, char const *facts, size_t len, io_time deadline)
{
  char s[FACTS_MAX + 16];
  int n = snprintf(s, sizeof s, "%zu:", len);
  if (len > FACTS_MAX) return errno = EMSGSIZE, -1;
  memcpy(s + n, facts, len);
  s[(size_t)n + len] = ',';
  return io_write(fd, s, (size_t)n + len + 1, deadline);
}
