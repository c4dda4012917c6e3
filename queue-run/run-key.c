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

int run_goes_to(envelope_to const *t, char const *key)
{
  char its[RUN_KEY];
  run_key(its, t);
  return !strcmp(its + 1, key + 1) &&
         (*its == *key || (*its == RUN_REMOTE && *key == RUN_DOWN));
}
