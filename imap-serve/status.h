/* STATUS items (RFC 3501 6.3.10, 9051 6.3.11, 8438, 8474, 9208). */
#ifndef STATUS_H
#define STATUS_H

#include "session.h"

typedef struct status_items {
  unsigned bits;
} status_items;

int status_parse(parse *p, status_items *to); /* "(" … ")": 1 or 0 */

/* "* STATUS name (…)" of the mailbox whose directory is dir and whose name on
   disk is name. 1, or -1 with errno and nothing said. */
int status_put(session *s, char const *dir, char const *name,
               status_items const *items);

#endif
