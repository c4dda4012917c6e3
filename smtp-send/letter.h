/* A parcel on its way to one host: its envelope, and its message, of which the
   first part is held; what comes from the queue then streams. */
#ifndef LETTER_H
#define LETTER_H

#include <skalibs/stralloc.h>

#include "compose.h"
#include "outcome.h"
#include "parcel.h"

#define LETTER_HELD 262144 /* bytes of a queued message before it streams */
#define LETTER_PARAM 500   /* bytes of an ESMTP parameter's value */

typedef struct recipient {
  unsigned long number;
  size_t address; /* these are positions in letter.text, 0: absent */
  size_t via, notify, orcpt;
  size_t from;  /* its own reverse-path */
  size_t alias; /* of ours, by which it came here: envelope_alias */
  int accepted;
  int later; /* the host took as many as it takes at once */
  outcome outcome;
} recipient;

typedef struct letter {
  char id[PARCEL_ID + 1];
  char order;     /* for parcel_order() */
  stralloc text;  /* strings, NUL-terminated; the first is empty */
  size_t trace;   /* P id */
  long long time; /* P time: when it came to us, or 0 */
  size_t from, ret, envid;
  size_t alias;            /* of those it is being sent to */
  unsigned long long size; /* as F says, 0: not told */
  int body8, utf8;
  int requiretls; /* RFC 8689; never for the null reverse-path (4.2.1) */
  recipient *v;
  size_t n, room;
  outcome verdict; /* for all: code 0 if there is none */
  compose message;
  int queued;   /* by queue-run, which composed it: M alone follows */
  int complete; /* '.' has been read */
} letter;

enum {
  LETTER_ALL = 1,    /* complete */
  LETTER_STREAM = 2, /* queued, and more than is held: M follows */
  LETTER_NONE = 0,   /* end of input, before it began */
  LETTER_BROKEN = -1 /* errno */
};

#define LETTER_ZERO                                                            \
  {                                                                            \
    .message = COMPOSE_ZERO                                                    \
  }

/* Reads records. *asked is set when a ? wants an answer: answer and call
   again with begin 0. */
int letter_read(letter *l, parcel_in *in, int begin, int *asked,
                io_time deadline);

/* The rest of one that will be sent more than once; what cannot be kept is the
   verdict. 1 or -1. */
int letter_complete(letter *l, parcel_in *in);

/* The rest of one that was not wanted. 1 or -1. */
int letter_drain(letter *l, parcel_in *in);

char const *letter_text(letter const *l, size_t at);
recipient *letter_undecided(letter const *l); /* the first, or 0 */
size_t letter_left(letter const *l);          /* how many are undecided */

/* Gives an outcome to all that have none. */
void letter_decide(letter *l, outcome const *o);

void letter_init(letter *l, char const *dir); /* for what is not held */
void letter_free(letter *l);

#endif
