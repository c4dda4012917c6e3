/* Watches the header of a message go by: what smtp-recv must know of it, in
   bounded memory. */
#ifndef WATCH_H
#define WATCH_H

#include <stddef.h>

#define WATCH_FIELD 1024 /* bytes of a field that are looked at */
#define WATCH_FORGED 100 /* most forged fields of one message */

typedef struct watch {
  char const *me; /* our authserv-id */
  int ended;      /* the header is over */
  int middle;     /* inside a line */
  int folded;     /* it begins with what would go on a field of ours */
  int overflow;   /* more forged fields than fit */
  unsigned received, results;
  size_t header;  /* bytes so far */
  size_t longest; /* line of the message so far, without CRLF */
  size_t line;    /* the present one */
  int has_date, has_id;
  unsigned nforged;
  unsigned forged[WATCH_FORGED]; /* the nth Authentication-Results, from 1 */
  size_t len;
  char field[WATCH_FIELD];
} watch;

void watch_start(watch *w, char const *me);
void watch_feed(watch *w, char const *s, size_t len);

/* The message is over: looks at a field that was the last. */
void watch_end(watch *w);

/* Whether an Authentication-Results value claims to be from me (RFC 8601 5);
   one that cannot be told is held to. */
int watch_claims(char const *value, size_t len, char const *me);

#endif
