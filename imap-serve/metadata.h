/* METADATA (RFC 5464): annotations of mailboxes and of the account, as `meta`
   and `server` lines of the file `rohrpost`. */
#ifndef METADATA_H
#define METADATA_H

#include "session.h"

#define METADATA_NAME 255   /* most bytes of an entry's name */
#define METADATA_VALUE 8192 /* of a value: what a literal may have */
#define METADATA_MOST 100   /* entries of a mailbox */
#define METADATA_USE "/private/specialuse" /* RFC 6154 4 */
#define METADATA_DEEP 1000                 /* levels: DEPTH infinity */

typedef struct metadata_entries {
  text v[METADATA_MOST]; /* names in lower case */
  size_t n;
  uint32_t maxsize;
  unsigned depth;
} metadata_entries;

/* An entry's name or a list of them: 1 or 0 */
int metadata_parse(parse *p, metadata_entries *e);

/* "* METADATA name (…)" of the mailbox whose directory is dir; 0: of the
   server. *longest: the size of a value that was too long, or as it was. 1, or
   -1 with errno. */
int metadata_put(session *s, char const *dir, metadata_entries const *e,
                 size_t *longest);

#endif
