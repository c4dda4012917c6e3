/* The names that LIST is about, as a tree: mailboxes, subscriptions, and the
   levels above them. */
#ifndef LIST_TREE_H
#define LIST_TREE_H

#include <stdint.h>

#include "folders.h"

enum {
  NAME_EXISTS = 1,
  NAME_SUBSCRIBED = 2,
  NAME_CHILDREN = 4,   /* there is a mailbox below it */
  NAME_SELECTED = 8,   /* it meets the selection criteria */
  NAME_MATCHED = 16,   /* it matches a pattern */
  NAME_BELOW = 32,     /* one below meets the criteria, */
  NAME_HIDDEN = 64,    /* and is not listed itself */
  NAME_SUB_BELOW = 128 /* a subscription is below it */
};

typedef struct list_name {
  char const *name;
  uint32_t parent; /* index; its own: none */
  uint32_t flags;
} list_name;

typedef struct list_tree {
  folders all, subscribed;
  stralloc levels; /* names of levels that are neither */
  list_name *v;    /* INBOX first, what is below a name right behind it */
  size_t n;
} list_tree;

/* subscriptions: whether they are wanted too. 1 or -1 */
int list_tree_read(list_tree *t, int root, int subscriptions);
void list_tree_free(list_tree *t);

/* With NAME_SELECTED and NAME_MATCHED set where they belong: the flags that
   say what is below a name. */
void list_tree_rise(list_tree *t);

#endif
