#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include <skalibs/cdb.h>

#include "table.h"

struct table {
  cdb c;
};

int table_open(table **t, char const *path)
{
  *t = malloc(sizeof **t);
  if (!*t) return -1;
  (*t)->c = cdb_zero;
  if (cdb_init(&(*t)->c, path) <= 0) {
    int e = errno;
    free(*t);
    *t = 0;
    return errno = e ? e : EPROTO, -1;
  }
  return 1;
}

void table_close(table *t)
{
  if (!t) return;
  cdb_free(&t->c);
  free(t);
}

int table_get_nth(table *t, void const *key, size_t keylen, unsigned nth,
                  char const **s, size_t *len)
{
  cdb_find_state state = CDB_FIND_STATE_ZERO;
  cdb_data d;
  if (keylen > UINT32_MAX) return 0;
  do {
    int r = cdb_findnext(&t->c, &d, key, (uint32_t)keylen, &state);
    if (r < 0) return errno = EPROTO, -1;
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
    if (r < 0) return errno = EPROTO, -1;
    if (!r) return 1;
    r = each(k.s, k.len, d.s, d.len, data);
    if (r != 1) return r;
  }
}
