/* LIST with its options (RFC 5258, 5819, 6154, 9051 6.3.9). */
#ifndef LIST_H
#define LIST_H

#include "metadata.h"
#include "session.h"
#include "status.h"

enum {
  LIST_SUBSCRIBED = 1,
  LIST_SPECIAL_USE = 2,
  LIST_RECURSIVE = 4,
  LIST_REMOTE = 8
};

#define LIST_PATTERNS 100

typedef struct list_command {
  unsigned select; /* LIST_… */
  int subscribed;  /* \Subscribed is wanted */
  int status;      /* STATUS of each, */
  status_items items;
  metadata_entries metadata; /* n: are wanted */
  int extended;
  text reference;
  text pattern[LIST_PATTERNS];
  size_t patterns;
} list_command;

int list_parse(parse *p, list_command *l); /* behind LIST: 1 or 0 */

#endif
