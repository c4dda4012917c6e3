/* How much mail: messages and recipients of an account, mail from and to a
   domain. Token buckets that all sessions share, of several services if they
   name the same file. */
#ifndef QUOTA_H
#define QUOTA_H

#include "buckets.h"

#define QUOTA_DAY 86400
#define QUOTA_MESSAGES 1000 /* a day: what a busy person writes, not a bot */
#define QUOTA_RECIPIENTS 2000
#define QUOTA_FIRST 200    /* a stolen password's mail goes to these */
#define QUOTA_WAIT_MS 5000 /* for mail of a domain to be allowed */

typedef struct quota {
  char const *file;                        /* or 0: in memory */
  int used;                                /* there are any */
  bucket_rate messages, recipients, first; /* of an account */
  bucket_rate from, to;                    /* of a domain */
  buckets table;
} quota;

struct session;

/* "word=N/SECONDS,…": 1 or 0. */
int quota_scan(quota *q, char const *s);
int quota_open(quota *q); /* 1 or -1 */

/* After MAIL, with s->from; for a recipient that would be accepted: 0, or why
   not. */
char const *quota_mail(struct session *s);
char const *quota_rcpt(struct session *s, char const *rcpt);

#endif
