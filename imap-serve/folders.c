#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <skalibs/unix-transactional.h>

#include "folders-parts.h"
#include "names.h"

void folders_free(folders *f)
{
  stralloc_free(&f->names);
  free(f->v);
  *f = (folders)FOLDERS_ZERO;
}

static int by_name(void const *a, void const *b)
{
  return strcmp(*(char const *const *)a, *(char const *const *)b);
}

int folders_sort(folders *f, size_t fixed)
{
  char const *at = f->names.s;
  f->v = malloc((f->n + 1) * sizeof *f->v);
  if (!f->v) return -1;
  for (size_t i = 0; i < f->n; i++, at += strlen(at) + 1) f->v[i] = at;
  qsort(f->v + fixed, f->n - fixed, sizeof *f->v, by_name);
  return 1;
}

int folders_add(folders *f, char const *name, size_t len)
{
  if (f->n == FOLDERS_MAX) return errno = EOVERFLOW, -1;
  if (!stralloc_catb(&f->names, name, len) || !stralloc_0(&f->names)) return -1;
  f->n++;
  return 1;
}

static int is_mailbox(int root, struct dirent const *e)
{
  struct stat st;
  char const *name = e->d_name + 1;
  if (e->d_name[0] != '.' || !name_valid(name, strlen(name)) ||
      name_is_inbox(name, strlen(name)))
    return 0;
  if (e->d_type == DT_DIR) return 1;
  return e->d_type == DT_UNKNOWN &&
         fstatat(root, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(st.st_mode);
}

int folders_read(folders *f, int root)
{
  DIR *d = opendir_at(root, ".");
  struct dirent *e;
  int r = 1;
  *f = (folders)FOLDERS_ZERO;
  if (!d) return -1;
  if (folders_add(f, "INBOX", 5) < 0) r = -1;
  while (r > 0 && (errno = 0, e = readdir(d)) != 0)
    if (is_mailbox(root, e))
      r = folders_add(f, e->d_name + 1, strlen(e->d_name + 1));
  if (r > 0 && errno) r = -1;
  closedir(d);
  if (r > 0) r = folders_sort(f, 1);
  if (r < 0) folders_free(f);
  return r;
}

/* The first that is not less than name */
static size_t position(folders const *f, char const *name, size_t len)
{
  size_t low = 0, high = f->n;
  if (f->n && !strcmp(f->v[0], "INBOX")) low = 1;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    int c = strncmp(f->v[mid], name, len);
    if (c < 0)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

int folders_has(folders const *f, char const *name, size_t len)
{
  if (name_is_inbox(name, len)) return 1;
  for (size_t i = position(f, name, len);
       i < f->n && !strncmp(f->v[i], name, len); i++)
    if (!f->v[i][len]) return 1;
  return 0;
}

int folders_has_children(folders const *f, char const *name, size_t len)
{
  for (size_t i = position(f, name, len);
       i < f->n && !strncmp(f->v[i], name, len); i++)
    if (f->v[i][len] == NAMES_DELIMITER) return 1;
  return 0;
}
