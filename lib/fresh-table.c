#include <errno.h>

#include "fresh-table.h"

static int same(struct stat const *a, struct stat const *b)
{
  return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
         a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
         a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

table *fresh_table_get(fresh_table *f)
{
  struct stat now;
  if (stat(f->path, &now) < 0) {
    int e = errno;
    if (f->t) table_close(f->t);
    f->t = 0;
    errno = e;
    return 0;
  }
  if (f->t && same(&now, &f->seen)) return f->t;
  if (f->t) table_close(f->t);
  f->t = 0;
  f->seen = now;
  return table_open(&f->t, f->path) < 0 ? 0 : f->t;
}
