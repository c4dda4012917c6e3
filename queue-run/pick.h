/* Which recipients of the queue are meant: what queue-list shows and queue-edit
   changes. */
#ifndef PICK_H
#define PICK_H

#include "queue-file.h"
#include "run.h"

#define PICK_OPTIONS "f:t:d:o:S:q:"
#define PICK_USAGE                                                             \
  "[ -q directory ] [ -f sender ] [ -t recipient ] "                           \
  "[ -d destination ] [ -o age ] [ -S status ]"
#define PICK_NAME (RUN_KEY + 8) /* bytes of a destination's name and its 0 */

typedef struct pick {
  int queue;
  char const *directory;
  char const *from, *to;   /* an address, @domain, <>; 0: any */
  char const *destination; /* as pick_destination names it; 0: any */
  char const *status;      /* letters */
  long long before;        /* unix time of arrival; 0: any */
  char const *const *ids;  /* these messages alone; empty: all */
} pick;

typedef struct picked {
  char const *id;
  queue_file *q;
  unsigned i; /* which record */
  char const *sender;
  envelope_to to;
  queue_record record;
  char destination[PICK_NAME];
} picked;

/* Takes an option of PICK_OPTIONS: 1; 0: it is another one, or its argument is
   wrong. */
int pick_option(pick *p, int opt, char const *arg);

/* Whether any option or id narrows it. */
int pick_narrow(pick const *p);

/* Opens the queue's directory to read; a queue that has no message yet is one,
   too. Checks the ids. Dies (100, 111). */
void pick_open(pick *p, char const *const *ids);

/* The status letters that are meant where -S names none: 0 ends them. */
#define PICK_UNSETTLED "wuhfs"

/* Calls each() for every message that may be meant, one directory entry after
   the other. Ends early if it returns 0. 1; 0: ended early; -1: a directory
   could not be read, which has been said, and the others were. */
int pick_messages(pick const *p, int (*each)(char const *id, void *data),
                  void *data);

/* Calls each() for every recipient that is meant of an open message; it may
   change the record. How many. */
unsigned pick_recipients(pick const *p, queue_file *q, char const *id,
                         void (*each)(picked *x, void *data), void *data);

#endif
