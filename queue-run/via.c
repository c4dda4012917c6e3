#include <errno.h>
#include <string.h>

#include "via.h"

static int drops(char const *part, int away)
{
  return !strncmp(part, "via=", 4) || (away && (!strncmp(part, "mailbox=", 8) ||
                                                !strncmp(part, "route=", 6)));
}

static int add(stralloc *to, char const *a, char const *b)
{
  return stralloc_0(to) && stralloc_cats(to, a) && stralloc_cats(to, b);
}

int via_put(stralloc *to, parcel_record const *r, char const *via, int away)
{
  char const *part;
  int done = 1;
  to->len = 0;
  for (unsigned i = 0; done && (part = parcel_part(r, i)); i++) {
    if (i > 1 && drops(part, away)) continue;
    done = i ? add(to, part, "") : stralloc_cats(to, part);
  }
  if (done && away) done = add(to, "route=remote", "");
  if (done && *via) done = add(to, "via=", via);
  if (!done || !stralloc_0(to)) return -1;
  if (--to->len >= PARCEL_RECORD) return errno = EMSGSIZE, -1;
  return 1;
}
