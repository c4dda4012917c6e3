/* Which header fields are signed (RFC 6376 5.4): a list such as
   "from+:to+:subject+:list-id". A name stands for all fields of that name that
   the message has; with + it is named once more than there are, so that none
   can be added (8.15). */
#ifndef FIELDS_H
#define FIELDS_H

#include <stddef.h>

#define FIELDS_MAX 100
#define FIELDS_NAME 64

/* With +: what a reader sees or acts on and what decides how the body is shown;
   none of them is added on the way by anyone who leaves a message otherwise
   whole. Without: what lists, resenders and gateways add or what a message may
   lack. Sender is not signed at all: lists replace it. */
#define FIELDS_DEFAULT                                                         \
  "from+:to+:cc+:subject+:date+:reply-to+:message-id+:in-reply-to+:"           \
  "references+:mime-version+:content-type+:content-transfer-encoding+:"        \
  "content-id:content-description:content-disposition:content-language:"       \
  "resent-from:resent-sender:resent-to:resent-cc:resent-date:"                 \
  "resent-message-id:list-id:list-help:list-unsubscribe:"                      \
  "list-unsubscribe-post:list-subscribe:list-post:list-owner:list-archive"

typedef struct fields {
  unsigned n;
  struct {
    char name[FIELDS_NAME + 1];
    size_t len;
    int over; /* named once more */
  } v[FIELDS_MAX];
} fields;

/* 1; 0: not such a list, a name twice, or no From in it. */
int fields_scan(fields *f, char const *s);

#endif
