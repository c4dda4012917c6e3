#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include <skalibs/cdb.h>

#include "table.h"

#define CDB_HEADER 2048 /* cdb(5): 256 pairs of numbers */

struct table {
  cdb c;
};

int table_open(table **t, char const *path)
{
  int e;
  *t = malloc(sizeof **t);
  if (!*t) return -1;
  (*t)->c = cdb_zero;
  errno = 0;
  if (cdb_init(&(*t)->c, path) > 0) {
    if ((*t)->c.size >= CDB_HEADER) return 1;
    cdb_free(&(*t)->c);
  }
  e = errno;
  free(*t);
  *t = 0;
  return errno = e ? e : EPROTO, -1;
}

void table_close(table *t)
{
  if (!t) return;
  cdb_free(&t->c);
  free(t);
}

/* skalibs checks that keys lie in the file, not that values do. */
static int inside(table const *t, cdb_data const *d)
{
  size_t at = (size_t)((uintptr_t)d->s - (uintptr_t)t->c.map);
  return at <= t->c.size && d->len <= t->c.size - at;
}

int table_get_nth(table *t, void const *key, size_t keylen, unsigned nth,
                  char const **s, size_t *len)
{
  cdb_find_state state = CDB_FIND_STATE_ZERO;
  cdb_data d;
  if (keylen > UINT32_MAX) return 0;
  do {
    int r = cdb_findnext(&t->c, &d, key, (uint32_t)keylen, &state);
    if (r < 0 || (r > 0 && !inside(t, &d))) return errno = EPROTO, -1;
    if (!r) return 0;
  } while (nth--);
  *s = d.s;
  *len = d.len;
  return 1;
}

int table_get(table *t, void const *key, size_t keylen, char const **s,
              size_t *len)
{
  return table_get_nth(t, key, keylen, 0, s, len);
}

int table_each(table *t,
               int (*each)(char const *key, size_t keylen, char const *s,
                           size_t len, void *data),
               void *data)
{
  uint32_t pos = CDB_TRAVERSE_INIT();
  cdb_data k, d;
  for (;;) {
    int r = cdb_traverse_next(&t->c, &k, &d, &pos);
    if (!r) return 1;
    if (r < 0 || !inside(t, &k) || !inside(t, &d)) return errno = EPROTO, -1;
    r = each(k.s, k.len, d.s, d.len, data);
    if (r != 1) return r;
  }
}
