/* A parcel's records in memory or in a file, as netstrings: what a sink keeps
   of I P F T V until it knows what becomes of the parcel. */
#ifndef ENVELOPE_H
#define ENVELOPE_H

#include <skalibs/stralloc.h>

#include "parcel.h"

/* Appends the record as it stands in a parcel: 1 or -1. */
int envelope_add(stralloc *to, parcel_record const *r);

/* Walks over records; each ends with 0 in place of its ',' until the next
   call (parcel_part and parcel_param may be used on it). A walk that is left
   before its end is ended by envelope_end. 1; 0: no more; -1 with EPROTO. */
typedef struct envelope_walk {
  char *s;
  size_t len, pos;
  char *cut; /* the ',' that is 0 now */
} envelope_walk;
int envelope_next(envelope_walk *w, parcel_record *r);
void envelope_end(envelope_walk *w);

/* One T record. Strings as in the record, "" where absent. */
typedef struct envelope_to {
  unsigned long number;
  char const *address;
  enum {
    ENVELOPE_UNROUTED,
    ENVELOPE_LOCAL,
    ENVELOPE_REMOTE,
    ENVELOPE_EXPANDED /* an alias, in the queue alone: of it is told */
  } route;
  char const *mailbox, *rcpt, *via, *notify, *orcpt;
  char const *from; /* 0: the message's; "": the null path */
} envelope_to;

/* 1, or -1 with EPROTO: no number, no address, control characters in it, an
   unknown route, local without mailbox. */
int envelope_recipient(envelope_to *t, parcel_record const *r);

/* The address of ours by which a remote T goes on to another host: rcpt, if
   that is not the same as address, or "". Also "" where a header field could
   hold it only in UTF-8, and without a domain: this is for Delivered-To. */
char const *envelope_alias(char const *address, char const *rcpt);

/* One V record: kind is 'r', 'd' or 'j' (junk); to one recipient or all. */
typedef struct envelope_verdict {
  char kind;
  int code;
  char const *text; /* behind the code */
  int one;
  unsigned long number;
} envelope_verdict;
int envelope_judge(envelope_verdict *v, parcel_record const *r);

/* Whether s can stand in a path: no control characters. */
int envelope_address(char const *s);

#endif
