/* Apart from srs.c: who asks only this needs no libraries for it. */
#include <string.h>
#include <strings.h>

#include "srs.h"

int srs_is(char const *local, size_t len)
{
  return len > 5 && !strncasecmp(local, "srs", 3) &&
         (local[3] == '0' || local[3] == '1') && local[4] &&
         strchr(SRS_SEPARATORS, local[4]);
}
