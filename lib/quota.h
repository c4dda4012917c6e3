/* The quota of a Maildir++ (maildirquota of Courier, as Dovecot does it, too):
   what all its mailboxes hold is in the file maildirsize, a line of limits and
   lines of "bytes messages" that are added up. It is only a cache: who finds
   it wrong counts again. */
#ifndef QUOTA_H
#define QUOTA_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

typedef struct quota {
  uint64_t bytes, messages; /* as limits: 0 is no limit */
} quota;

/* Whether more still fits into the Maildir++ open at root: 1, 0, or -1 with
   errno. Counts where maildirsize is missing, damaged, 5120 bytes or longer or
   of other limits; and before it says no, unless nothing changed since the last
   count. */
int quota_room(int root, quota const *limit, quota const *more);

/* What is used now: what maildirsize says if nothing changed since it was
   written, else counted. Without limits nothing is read. 1 or -1. */
int quota_used(int root, quota const *limit, quota *used);

/* "1000S,10C", as the first line of maildirsize: 1 or 0 */
int quota_parse(quota *limit, char const *s, size_t len);

/* A count that nobody can believe any more is forgotten. */
void quota_forget(int root);

/* Notes that so much came or went, where there is a maildirsize. What could
   not be noted is found by the next count. */
void quota_note(int root, int64_t bytes, int64_t messages);

/* Counts, and writes maildirsize unless deliveries went on meanwhile: 1 or
   -1. */
int quota_count(int root, quota const *limit, quota *used);

/* When any of its mailboxes last changed: 1 or -1. */
int quota_changed(int root, struct timespec *t);

/* What stands in maildirsize, s[0..len): 1; 0 if it is not for these limits or
   is nothing of the kind. *lines: records behind the first line. */
int quota_read(quota *used, unsigned *lines, char const *s, size_t len,
               quota const *limit);

#endif
