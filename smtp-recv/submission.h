/* The header of a message that a user submits (RFC 6409 8): gathered while it
   streams by, then looked at. */
#ifndef SUBMISSION_H
#define SUBMISSION_H

#include <stddef.h>

#include <skalibs/stralloc.h>

typedef struct submission {
  stralloc head;
  unsigned bcc, resent_bcc; /* how many fields to leave out */
} submission;

void submission_start(submission *b);
int submission_take(submission *b, char const *s, size_t len); /* 1 or -1 */

/* The header is over: what is wrong with it, as a reply, or 0. With lenient
   only the fields to leave out are counted. */
char const *submission_check(submission *b, int lenient);

#endif
