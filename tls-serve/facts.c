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
  char head[16];
  int n = snprintf(head, sizeof head, "%zu:", len);
  if (io_write(fd, head, (size_t)n, deadline) < 0 ||
      io_write(fd, facts, len, deadline) < 0)
    return -1;
  return io_write(fd, ",", 1, deadline);
}
