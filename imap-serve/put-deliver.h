/* Delivery of a parcel's recipients to their mailboxes. */
#ifndef PUT_DELIVER_H
#define PUT_DELIVER_H

#include "compose.h"
#include "envelope.h"
#include "maildir.h"
#include "fresh-table.h"
#include "put-file.h"
#include "quota.h"
#include "station.h"

#define PUT_DELIVERED "2.0.0 Delivered"

/* The mailbox of the last recipient stays open for the next. */
typedef struct put_deliver {
  fresh_table *mail; /* mail.cdb */
  put_mailbox box;
  stralloc key;    /* account, 0, folder: which one box is */
  stralloc tmp;    /* its directory tmp, for the spool */
  quota limit;     /* of the account */
  int defer;       /* a full mailbox is a 4xx */
  int program;     /* the account has a delivery program */
  char const *ask; /* deliver-run's socket, or 0 */
  station asked;
} put_deliver;

/* What is common to all recipients. */
typedef struct put_facts {
  char const *id, *by, *from, *queue;
  unsigned long attempt; /* of the queue, or 0 */
  int repeated;          /* an earlier attempt may have succeeded unseen */
  int junk;
  stralloc *head; /* the parcel's records up to F */
} put_facts;

/* Where a message for that account may be spooled, or 0. */
char const *put_deliver_spool(put_deliver *d, char const *account);

/* Whether that account has a delivery program, as far as can be told. */
int put_deliver_program(put_deliver *d, char const *account);

/* Whether so many bytes more fit: 1 (also where that cannot be told: the
   delivery will), or 0 and the reply. */
int put_deliver_room(put_deliver *d, char const *account, uint64_t bytes,
                     int *code, char const **text);

/* to: the T record r. PUT_STORED, PUT_REFUSED, PUT_FAILED or PUT_LOST, and the
   reply in *code and *text. */
int put_deliver_one(put_deliver *d, compose const *c, put_facts const *f,
                    envelope_to const *to, parcel_record const *r, int *code,
                    char const **text);

void put_deliver_free(put_deliver *d);

#endif
