#include <errno.h>
#include <string.h>

#include "log.h"
#include "watched.h"

static int same(struct stat const *a, struct stat const *b)
{
  return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
         a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
         a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int watched_open(watched *w)
{
  struct stat st;
  table *t;
  if (stat(w->path, &st) < 0) return w->t ? 1 : -1;
  if (same(&st, &w->st)) return w->t ? 1 : (errno = EPROTO, -1);
  w->st = st;
  if (table_open(&t, w->path) < 0) {
    if (w->t) log_warnsys("unable to open %s", w->path);
    return w->t ? 1 : -1;
  }
  table_close(w->t);
  w->t = t;
  return 1;
}
