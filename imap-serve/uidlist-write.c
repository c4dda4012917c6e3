#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/types.h>

#include "dotlock.h"
#include "uidlist-parts.h"

#define TEMPORARY UIDLIST_FILE ".tmp"

static int put_number(stralloc *to, uint32_t n)
{
  char fmt[UINT32_FMT];
  return stralloc_catb(to, fmt, uint32_fmt(fmt, n));
}

static int put_record(stralloc *to, uidlist const *l, size_t i)
{
  return put_number(to, l->v[i].uid) && stralloc_cats(to, " ") &&
         (!l->v[i].extra || (stralloc_cats(to, l->names.s + l->v[i].extra) &&
                             stralloc_cats(to, " "))) &&
         stralloc_cats(to, ":") && stralloc_cats(to, uidlist_name(l, i)) &&
         stralloc_cats(to, "\n");
}

static int put_header(stralloc *to, uidlist *l)
{
  if (!l->guid[0]) {
    unsigned char r[16];
    if (getrandom(r, sizeof r, 0) != sizeof r) return 0;
    for (size_t i = 0; i < sizeof r; i++)
      snprintf(l->guid + 2 * i, 3, "%02x", r[i]);
  }
  return stralloc_cats(to, "3 V") && put_number(to, l->validity) &&
         stralloc_cats(to, " N") && put_number(to, l->next) &&
         stralloc_cats(to, " G") && stralloc_cats(to, l->guid) &&
         stralloc_cat(to, &l->header) && stralloc_cats(to, "\n");
}

/* A new file in the place of the old; l is told what it is. */
static int replace(uidlist *l, int dir, stralloc const *all)
{
  struct stat st;
  if (dotlock_replace(dir, UIDLIST_FILE, TEMPORARY, all->s, all->len, 0) < 0 ||
      fstatat(dir, UIDLIST_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return -1;
  l->dev = st.st_dev;
  l->ino = st.st_ino;
  l->read = st.st_size;
  l->damaged = 0;
  return 1;
}

int uidlist_replace(uidlist *l, int dir, uint32_t validity,
                    unsigned char const *alive)
{
  stralloc all = STRALLOC_ZERO;
  size_t to = 0;
  int good, e;
  if (!l->validity) l->validity = validity;
  if (!l->next) l->next = 1;
  good = put_header(&all, l);
  for (size_t i = 0; good && i < l->n; i++)
    if ((!alive || alive[i]) && uidlist_current(l, i))
      good = put_record(&all, l, i);
  good = good && replace(l, dir, &all) > 0;
  e = errno;
  stralloc_free(&all);
  if (!good) return errno = e, -1;
  for (size_t i = 0; i < l->n; i++)
    if ((!alive || alive[i]) && uidlist_current(l, i)) l->v[to++] = l->v[i];
  uidlist_renumber(l, to);
  return 1;
}

static int append(uidlist *l, int dir)
{
  stralloc more = STRALLOC_ZERO;
  int e, good = 1,
         fd = openat(dir, UIDLIST_FILE,
                     O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return -1;
  for (size_t i = l->told; good && i < l->n; i++)
    good = put_record(&more, l, i);
  good = good && write(fd, more.s, more.len) == (ssize_t)more.len &&
         fdatasync(fd) == 0;
  e = errno;
  if (good)
    l->read += (off_t)more.len;
  else if (ftruncate(fd, l->read) < 0)
    l->damaged = 1;
  close(fd);
  stralloc_free(&more);
  if (!good) return errno = e, -1;
  l->told = l->n;
  return 1;
}

int uidlist_commit(uidlist *l, int dir, uint32_t validity)
{
  if (l->validity && l->told == l->n && !l->damaged) return 1;
  if (!l->validity || l->damaged || !l->read)
    return uidlist_replace(l, dir, validity, 0);
  return append(l, dir);
}
