#include <string.h>
#include <strings.h>

#include "fields.h"

static int known(fields const *f, char const *name)
{
  for (unsigned i = 0; i < f->n; i++)
    if (!strcasecmp(f->v[i].name, name)) return 1;
  return 0;
}

static int add(fields *f, char const *s, size_t len)
{
  int over = len && s[len - 1] == '+';
  len -= (size_t)over;
  if (!len || len > FIELDS_NAME || f->n == FIELDS_MAX) return 0;
  for (size_t i = 0; i < len; i++)
    if (s[i] <= ' ' || s[i] > '~' || s[i] == ';' || s[i] == '+') return 0;
  memcpy(f->v[f->n].name, s, len);
  f->v[f->n].name[len] = 0;
  if (known(f, f->v[f->n].name)) return 0;
  f->v[f->n].len = len;
  f->v[f->n++].over = over;
  return 1;
}

int fields_scan(fields *f, char const *s)
{
  f->n = 0;
  for (;;) {
    size_t len = strcspn(s, ":");
    if (!add(f, s, len)) return 0;
    s += len;
    if (!*s++) break;
  }
  return known(f, "from") && !known(f, "dkim-signature");
}
