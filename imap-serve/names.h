/* Mailbox names (RFC 3501 5.1): the delimiter is '.', as it is on disk in a
   Maildir++ and in Dovecot's default for one, so that every name is the
   directory's name less its first dot, and names and subscriptions stay the
   same when a mailbox moves between the two servers. Names are modified UTF-7
   on the wire and on disk. */
#ifndef NAMES_H
#define NAMES_H

#include <stddef.h>

#define NAMES_DELIMITER '.'

/* Whether it can name a mailbox: components not empty, no '/', no controls, no
   8-bit, at most MAILDIR_NAME - 1 bytes. */
int name_valid(char const *s, size_t len);

/* Whether every '&' begins modified UTF-7 as 5.1.3 has it. */
int name_utf7(char const *s, size_t len);

int name_is_inbox(char const *s, size_t len);

/* LIST patterns: * and % (6.3.8). */
int name_match(char const *pattern, size_t len, char const *name);

#endif
