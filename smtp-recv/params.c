#include <string.h>

#include "params.h"

static int keyword(char const *s)
{
  static char const letters[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
  return *s && *s != '-' && !s[strspn(s, letters)];
}

int params_each(char *s,
                int (*each)(char const *name, char const *value, void *data),
                void *data)
{
  while (*s == ' ') s++;
  while (*s) {
    char *end = s + strcspn(s, " "), *value;
    int last = !*end, r;
    *end = 0;
    value = strchr(s, '=');
    if (value) *value++ = 0;
    if (!keyword(s) || (value && !*value)) return 0;
    r = each(s, value ? value : "", data);
    if (r != 1) return r;
    if (last) break;
    for (s = end + 1; *s == ' ';) s++;
  }
  return 1;
}
