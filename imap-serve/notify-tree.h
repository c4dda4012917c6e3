/* The mailboxes that NOTIFY is about, as the client knows them. */
#ifndef NOTIFY_TREE_H
#define NOTIFY_TREE_H

#include <sys/stat.h>

#include "facts-file.h"
#include "list-tree.h"
#include "notify.h"
#include "status.h"

typedef struct notify_counts {
  uint32_t messages, unseen, next, validity;
} notify_counts;

typedef struct notify_box {
  char name[MAILDIR_NAME + 1];
  unsigned events;
  int fd[3]; /* the mailbox, its new and cur, for a watch */
  dev_t dev;
  ino_t ino;
  struct timespec time[2]; /* of new and cur when it was counted */
  notify_counts counts;
  facts known; /* annotations */
} notify_box;

/* A name, with what the client was told of it */
typedef struct notify_name {
  char name[MAILDIR_NAME + 1];
  uint32_t flags; /* NAME_… */
  ino_t ino;
} notify_name;

typedef struct notify_tree {
  notify_box *v;
  size_t n;
  notify_name *name; /* in the order of list_tree */
  size_t names;
  struct timespec time; /* of the account's directory */
} notify_tree;

/* Reads all. 1; 0: too many; -1 errno */
int notify_tree_begin(notify_tree *t, int root, notify_wish const *w);
void notify_tree_free(notify_tree *t);

/* Names came, went, or subscriptions changed: LIST responses. As begin. */
int notify_tree_changed(notify_tree const *t, int root);
int notify_tree_update(notify_tree *t, session *s, notify_wish const *w);

int notify_box_same(notify_box const *b, int root);
int notify_box_count(notify_box *b, int root); /* 1 or -1 */

/* "* METADATA name entry …" if annotations changed (RFC 5464 4.4.2) */
void notify_box_metadata(session *s, notify_box *b);

#endif
