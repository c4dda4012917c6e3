#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "run.h"

void run_key(char *to, envelope_to const *t)
{
  char const *s = addr_domain(t->address);
  char *p = to;
  if (t->route == ENVELOPE_LOCAL) {
    snprintf(to, RUN_KEY, "%c", RUN_LOCAL);
    return;
  }
  snprintf(to, RUN_KEY, "%c%s", RUN_REMOTE, *t->via ? t->via : s);
  while (*++p) *p = (char)tolower((unsigned char)*p);
}
