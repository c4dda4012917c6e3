/* How much mail: messages and recipients of an account, mail from and to a
   domain. Token buckets that all sessions share, of several services if they
   name the same file. */
#ifndef RATES_H
#define RATES_H

#include "buckets.h"

#define RATES_DAY 86400
#define RATES_MESSAGES 1000 /* a day: what a busy person writes, not a bot */
#define RATES_RECIPIENTS 2000
#define RATES_FIRST 200    /* a stolen password's mail goes to these */
#define RATES_WAIT_MS 5000 /* for mail of a domain to be allowed */

typedef struct rates {
  char const *file;                        /* or 0: in memory */
  int used;                                /* there are any */
  bucket_rate messages, recipients, first; /* of an account */
  bucket_rate from, to;                    /* of a domain */
  buckets table;
} rates;

struct session;

/* "word=N/SECONDS,…": 1 or 0. */
int rates_scan(rates *q, char const *s);
int rates_open(rates *q); /* 1 or -1 */

/* After MAIL, with s->from; for a recipient that would be accepted: 0, or why
   not. */
char const *rates_mail(struct session *s);
char const *rates_rcpt(struct session *s, char const *rcpt);

#endif
