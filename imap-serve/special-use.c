#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "facts-file.h"
#include "folders.h"
#include "maildir.h"
#include "special-use.h"

#define KEY "use"

static char const *by_name(char const *name)
{
  static char dir[MAILDIR_KINDS][MAILDIR_NAME + 1];
  for (size_t i = 0; i < MAILDIR_KINDS; i++) {
    if (!dir[i][0]) maildir_folder(dir[i], maildir_kinds[i]);
    if (!strcmp(dir[i] + 1, name)) return maildir_kinds[i];
  }
  return 0;
}

static int by_fact(int root, char const *name, char *use)
{
  char dir[MAILDIR_NAME + 2];
  facts f = FACTS_ZERO;
  stralloc value = STRALLOC_ZERO;
  int fd, found = 0;
  if (!strcmp(name, "INBOX")) return 0;
  snprintf(dir, sizeof dir, ".%s", name);
  fd = openat(root, dir, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return 0;
  if (facts_read(&f, fd) > 0 && facts_get(&f, KEY, &value) > 0) {
    text t = {.s = value.s, .len = value.len};
    char const *known = special_use_known(&t);
    if (known) snprintf(use, SPECIAL_USE, "%s", known);
    found = known != 0;
  }
  close(fd);
  facts_free(&f);
  stralloc_free(&value);
  return found;
}

int special_use_of(int root, char const *name, char *use)
{
  char const *kind;
  if (by_fact(root, name, use)) return 1;
  kind = by_name(name);
  if (kind) snprintf(use, SPECIAL_USE, "%s", kind);
  return kind != 0;
}

int special_use_taken(int root, char const *use)
{
  char its[SPECIAL_USE];
  folders f;
  int taken = 0;
  if (folders_read(&f, root) < 0) return -1;
  for (size_t i = 0; i < f.n && !taken; i++)
    taken = special_use_of(root, f.v[i], its) && !strcmp(its, use);
  folders_free(&f);
  return taken;
}

char const *special_use_known(text const *use)
{
  text t = {.s = use->s + 1, .len = use->len - 1};
  if (!use->len || use->s[0] != '\\') return 0;
  for (size_t i = 0; i < MAILDIR_KINDS; i++)
    if (text_is(&t, maildir_kinds[i])) return maildir_kinds[i];
  return 0;
}

int special_use_set(int root, char const *dir, char const *use)
{
  char value[SPECIAL_USE + 1];
  int r, fd = openat(root, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  snprintf(value, sizeof value, "\\%s", use);
  r = facts_set(fd, KEY, value, strlen(value));
  close(fd);
  return r;
}
