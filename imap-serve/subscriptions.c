/* The file "subscriptions" in the account's directory, as Dovecot has it.
   Version 1: a name a line. Version 2: "V<TAB>2", an empty line, then names
   with a TAB for the delimiter. A file stays in the version that it has. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "dotlock.h"
#include "folders-parts.h"
#include "names.h"

#define FILE_NAME "subscriptions"
#define LOCK FILE_NAME ".lock"
#define HEADER "V\t2\n\n"
#define MOST (4u << 20) /* bytes of the file */

static int load(stralloc *all, int root)
{
  int fd = openat(root, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  ssize_t r = 0;
  all->len = 0;
  if (fd < 0) return errno == ENOENT ? 1 : -1;
  do {
    if (!stralloc_readyplus(all, 4096)) r = -1;
    if (r >= 0) r = read(fd, all->s + all->len, 4096);
    if (r > 0) all->len += (size_t)r;
  } while (r > 0 && all->len < MOST);
  close(fd);
  return r < 0 ? -1 : 1;
}

static int is_tabbed(stralloc const *all)
{
  return all->len >= 4 && !memcmp(all->s, HEADER, 4);
}

/* Calls each with every name in its wire form. */
static int walk(stralloc *all, int (*each)(char const *, size_t, void *),
                void *data)
{
  int tabbed = is_tabbed(all), r = 1;
  size_t at = tabbed ? 4 : 0;
  while (r > 0 && at < all->len) {
    char *s = all->s + at;
    char *lf = memchr(s, '\n', all->len - at);
    size_t len = lf ? (size_t)(lf - s) : all->len - at;
    at += len + 1;
    for (size_t i = 0; tabbed && i < len; i++)
      if (s[i] == '\t') s[i] = NAMES_DELIMITER;
    if (name_valid(s, len)) r = each(s, len, data);
  }
  return r;
}

static int add(char const *name, size_t len, void *data)
{
  return folders_add(data, name, len);
}

int subscriptions_read(folders *f, int root)
{
  stralloc all = STRALLOC_ZERO;
  int r = load(&all, root);
  *f = (folders)FOLDERS_ZERO;
  if (r > 0) r = walk(&all, add, f);
  if (r > 0) r = folders_sort(f, 0);
  stralloc_free(&all);
  if (r < 0) folders_free(f);
  return r;
}

typedef struct change {
  stralloc text;
  char const *name;
  int tabbed, found;
} change;

static int put(char const *name, size_t len, void *data)
{
  change *c = data;
  size_t at = c->text.len;
  if (strlen(c->name) == len && !memcmp(c->name, name, len)) {
    c->found = 1;
    return 1;
  }
  if (!stralloc_catb(&c->text, name, len) || !stralloc_append(&c->text, '\n'))
    return -1;
  for (; c->tabbed && at < c->text.len; at++)
    if (c->text.s[at] == NAMES_DELIMITER) c->text.s[at] = '\t';
  return 1;
}

static int rewrite(change *c, int root, int adding)
{
  stralloc all = STRALLOC_ZERO;
  int r = load(&all, root);
  char const *name = c->name;
  c->tabbed = !all.len || is_tabbed(&all);
  if (r > 0 && c->tabbed && !stralloc_cats(&c->text, HEADER)) r = -1;
  if (r > 0) r = walk(&all, put, c);
  stralloc_free(&all);
  c->name = "";
  return r > 0 && adding ? put(name, strlen(name), c) : r;
}

int subscriptions_change(int root, char const *name, int adding)
{
  change c = {.name = name};
  int e, good;
  if (dotlock_take(root, LOCK) < 0) return -1;
  good = rewrite(&c, root, adding) > 0 &&
         dotlock_replace(root, FILE_NAME, FILE_NAME ".tmp", c.text.s,
                         c.text.len, 0) > 0;
  e = errno;
  dotlock_drop(root, LOCK);
  stralloc_free(&c.text);
  return errno = e, good ? 1 : -1;
}
