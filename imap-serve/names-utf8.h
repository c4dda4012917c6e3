/* Mailbox names as UTF-8 (RFC 6855 3, RFC 9051 5.1) and as they are on disk,
   in modified UTF-7. */
#ifndef NAMES_UTF8_H
#define NAMES_UTF8_H

#include <stddef.h>

#include "maildir.h"

#define NAMES_UTF8 (3 * MAILDIR_NAME) /* most bytes of a name as UTF-8 */

/* To the name on disk, MAILDIR_NAME bytes and a NUL at most, by way of
   normalization form C. Its length, or 0: not UTF-8, a control character, or
   too long. *changed: the normalization changed it. */
size_t name_from_utf8(char *to, char const *s, size_t len, int *changed);

/* To UTF-8, NAMES_UTF8 bytes and a NUL at most. A name that is not modified
   UTF-7 stays what it is. Its length. */
size_t name_to_utf8(char *to, char const *name);

#endif
