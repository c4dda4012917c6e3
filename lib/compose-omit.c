#include <stdlib.h>
#include <strings.h>

#include "compose-omit.h"

static int by_name(omit const *x, char const *name, size_t len)
{
  if (x->len != len) return x->len < len ? -1 : 1;
  return strncasecmp(x->name, name, len);
}

static int by_name_and_number(void const *a, void const *b)
{
  omit const *x = a, *y = b;
  int r = by_name(x, y->name, y->len);
  return r ? r : (x->nth > y->nth) - (x->nth < y->nth);
}

void omit_prepare(omit *v, size_t n)
{
  qsort(v, n, sizeof *v, by_name_and_number);
  for (size_t i = 0; i < n; i++) {
    v[i].seen = 0;
    v[i].next = i;
  }
}

/* The first entry of a name counts for all of them. */
int omit_field(omit *v, size_t n, char const *name, size_t len)
{
  size_t low = 0, high = n;
  omit *first, *next;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (by_name(v + middle, name, len) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == n || by_name(v + low, name, len)) return 0;
  first = v + low;
  first->seen++;
  for (; first->next < n; first->next++) {
    next = v + first->next;
    if (by_name(next, name, len) || next->nth > first->seen) return 0;
    if (next->nth == first->seen) return 1;
  }
  return 0;
}
