/* NOTIFY (RFC 5465). */
#ifndef NOTIFY_H
#define NOTIFY_H

#include "session.h"

#define NOTIFY_GROUPS 20
#define NOTIFY_NAMES 200   /* that the groups of a command name */
#define NOTIFY_WATCHED 200 /* mailboxes at once; more: NOTIFICATIONOVERFLOW */
#define NOTIFY_ATTS 4096   /* bytes of the items of new messages */

enum {
  NOTIFY_NEW = 1,
  NOTIFY_EXPUNGE = 2,
  NOTIFY_FLAGS = 4,
  NOTIFY_NAME = 8,
  NOTIFY_SUBSCRIPTION = 16,
  NOTIFY_METADATA = 32,
  NOTIFY_SERVER = 64
};
#define NOTIFY_MESSAGES (NOTIFY_NEW | NOTIFY_EXPUNGE | NOTIFY_FLAGS)

typedef enum notify_kind {
  NOTIFY_SELECTED,
  NOTIFY_DELAYED,
  NOTIFY_PERSONAL, /* and INBOXES, which is the same (6.3) */
  NOTIFY_SUBSCRIBED,
  NOTIFY_SUBTREE,
  NOTIFY_MAILBOXES
} notify_kind;

typedef struct notify_group {
  notify_kind kind;
  unsigned events;
  size_t name, names; /* first of them in notify_wish.name, how many */
} notify_group;

/* What the client wants to hear of. */
typedef struct notify_wish {
  notify_group group[NOTIFY_GROUPS];
  size_t groups;
  char *name[NOTIFY_NAMES]; /* as on disk */
  size_t names;
  int status;
  int selected; /* index of the group of the selected mailbox, -1: none */
  char atts[NOTIFY_ATTS + 1];
} notify_wish;

/* Behind NOTIFY: 1; 0 as parse functions. *none: NOTIFY NONE. */
int notify_parse(parse *p, notify_wish *w, int *none);

/* Events of a mailbox that is not the selected one. */
unsigned notify_events(notify_wish const *w, char const *name, int subscribed);

/* Whether a NOTIFY rules. */
int notify_active(void);

/* Waits for the client, telling it what happens. idle: in IDLE, where messages
   may change their numbers. 1: something can be read or the session ends; 0:
   nothing came until then. */
int notify_wait(session *s, int idle, io_time until);

#endif
