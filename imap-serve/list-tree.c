#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "list-tree.h"
#include "maildir.h"
#include "names.h"

#define DEPTH (MAILDIR_NAME / 2 + 1)

void list_tree_free(list_tree *t)
{
  folders_free(&t->all);
  folders_free(&t->subscribed);
  stralloc_free(&t->levels);
  free(t->v);
  *t = (list_tree){0};
}

/* The delimiter comes before all other bytes, so that a name's children
   follow it; INBOX and its children before all others. */
static int order(char const *a, char const *b)
{
  int x = strncmp(a, "INBOX", 5) || (a[5] && a[5] != NAMES_DELIMITER);
  int y = strncmp(b, "INBOX", 5) || (b[5] && b[5] != NAMES_DELIMITER);
  if (x != y) return x - y;
  while (*a && *a == *b) a++, b++;
  if (*a == *b) return 0;
  if (!*a || !*b) return *a ? 1 : -1;
  if (*a == NAMES_DELIMITER || *b == NAMES_DELIMITER)
    return *a == NAMES_DELIMITER ? -1 : 1;
  return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

static int by_order(void const *a, void const *b)
{
  list_name const *x = a, *y = b;
  return order(x->name, y->name);
}

static void merge_doubles(list_tree *t)
{
  size_t to = 0;
  qsort(t->v, t->n, sizeof *t->v, by_order);
  for (size_t i = 0; i < t->n; i++)
    if (to && !order(t->v[to - 1].name, t->v[i].name))
      t->v[to - 1].flags |= t->v[i].flags;
    else
      t->v[to++] = t->v[i];
  t->n = to;
}

static int is_below(char const *name, char const *above)
{
  size_t n = strlen(above);
  return !strncmp(name, above, n) && name[n] == NAMES_DELIMITER;
}

/* Names of levels of v[i] that come before it nowhere: those that its
   predecessor has not too. */
static int add_levels(list_tree *t, size_t i, size_t *n)
{
  char const *name = t->v[i].name, *last = i ? t->v[i - 1].name : "";
  for (size_t at = 1; name[at]; at++) {
    if (name[at] != NAMES_DELIMITER) continue;
    if (!strncmp(last, name, at) && (!last[at] || last[at] == NAMES_DELIMITER))
      continue;
    if (!stralloc_catb(&t->levels, name, at) || !stralloc_0(&t->levels))
      return -1;
    ++*n;
  }
  return 1;
}

static int add(list_tree *t, char const *name, uint32_t flags)
{
  if (t->n % 256 == 0) {
    list_name *v = realloc(t->v, (t->n + 256) * sizeof *v);
    if (!v) return -1;
    t->v = v;
  }
  t->v[t->n++] = (list_name){.name = name, .flags = flags};
  return 1;
}

static int complete(list_tree *t)
{
  size_t levels = 0, n = t->n;
  list_name *v;
  char const *at;
  for (size_t i = 0; i < n; i++)
    if (add_levels(t, i, &levels) < 0) return -1;
  if (!levels) return 1;
  v = realloc(t->v, (n + levels) * sizeof *v);
  if (!v) return -1;
  t->v = v;
  at = t->levels.s;
  for (size_t i = 0; i < levels; i++, at += strlen(at) + 1)
    t->v[t->n++] = (list_name){.name = at};
  merge_doubles(t);
  return 1;
}

static void find_parents(list_tree *t)
{
  uint32_t above[DEPTH];
  size_t depth = 0;
  for (size_t i = 0; i < t->n; i++) {
    while (depth && !is_below(t->v[i].name, t->v[above[depth - 1]].name))
      depth--;
    t->v[i].parent = depth ? above[depth - 1] : (uint32_t)i;
    if (depth < DEPTH) above[depth++] = (uint32_t)i;
  }
  for (size_t i = t->n; i-- > 0;) {
    list_name const *l = t->v + i;
    if (l->parent == i) continue;
    if (l->flags & (NAME_EXISTS | NAME_CHILDREN))
      t->v[l->parent].flags |= NAME_CHILDREN;
    if (l->flags & (NAME_SUBSCRIBED | NAME_SUB_BELOW))
      t->v[l->parent].flags |= NAME_SUB_BELOW;
  }
}

int list_tree_read(list_tree *t, int root, int subscriptions)
{
  int r = 1;
  *t = (list_tree){0};
  if (folders_read(&t->all, root) < 0 ||
      (subscriptions && subscriptions_read(&t->subscribed, root) < 0))
    r = -1;
  for (size_t i = 0; r > 0 && i < t->all.n; i++)
    r = add(t, t->all.v[i], NAME_EXISTS);
  for (size_t i = 0; r > 0 && i < t->subscribed.n; i++)
    r = add(t, t->subscribed.v[i], NAME_SUBSCRIBED);
  if (r > 0) merge_doubles(t);
  if (r > 0) r = complete(t);
  if (r > 0)
    find_parents(t);
  else
    list_tree_free(t);
  return r;
}

void list_tree_rise(list_tree *t)
{
  for (size_t i = t->n; i-- > 0;) {
    list_name const *l = t->v + i;
    uint32_t *up = &t->v[l->parent].flags;
    if (l->parent == i) continue;
    if (l->flags & (NAME_SELECTED | NAME_BELOW)) *up |= NAME_BELOW;
    if ((l->flags & NAME_SELECTED && !(l->flags & NAME_MATCHED)) ||
        l->flags & NAME_HIDDEN)
      *up |= NAME_HIDDEN;
  }
}
