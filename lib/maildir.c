#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "conf.h"
#include "maildir.h"

/* The number behind ",X=" anywhere in the part before ":" */
static uint64_t number_of(char const *s, char const *end, char letter)
{
  for (; s + 3 < end; s++) {
    uint64_t n = 0;
    char const *p;
    if (s[0] != ',' || s[1] != letter || s[2] != '=') continue;
    for (p = s + 3; p < end && *p >= '0' && *p <= '9'; p++) {
      if (n > (UINT64_MAX - 9) / 10) return UINT64_MAX;
      n = n * 10 + (uint64_t)(*p - '0');
    }
    return p > s + 3 && (p == end || *p == ',') ? n : UINT64_MAX;
  }
  return UINT64_MAX;
}

void maildir_parse(maildir_name *n, char const *name)
{
  char const *end = name + strcspn(name, ":");
  n->baselen = strcspn(name, ",:");
  n->size = number_of(name, end, 'S');
  n->wire = number_of(name, end, 'W');
  n->flags = strncmp(end, ":2,", 3) ? "" : end + 3;
}

/* Our host name without what would end the unique part */
static void host_name(char *to, size_t size)
{
  size_t len = 0;
  for (char const *s = conf_me(); *s && len + 5 <= size; s++)
    if (*s == '/' || *s == ':' || *s == ',')
      len += (size_t)snprintf(to + len, 5, "\\%03o", (unsigned char)*s);
    else
      to[len++] = *s;
  to[len] = 0;
}

size_t maildir_unique(char *to, char const *tag, uint64_t size, uint64_t wire)
{
  static unsigned count;
  static char host[MAILDIR_NAME];
  char middle[64];
  struct timeval now;
  int n;
  gettimeofday(&now, 0);
  if (!*host) host_name(host, sizeof host);
  if (!tag) {
    snprintf(middle, sizeof middle, "M%06uP%uQ%u", (unsigned)now.tv_usec,
             (unsigned)getpid(), ++count);
    tag = middle;
  }
  n = snprintf(to, MAILDIR_NAME + 1, "%lld.%s.%s,S=%llu,W=%llu",
               (long long)now.tv_sec, tag, host, (unsigned long long)size,
               (unsigned long long)wire);
  return n > MAILDIR_NAME - 32 ? 0 : (size_t)n; /* room for ":2," and flags */
}
