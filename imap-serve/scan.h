/* What lies in new/ and cur/ at one moment. */
#ifndef SCAN_H
#define SCAN_H

#include "mailbox.h"

typedef struct scan_file {
  uint64_t letters;
  char *odd; /* the name, if it is not as we would write it */
  uint8_t seen, new;
} scan_file;

typedef struct scan {
  scan_file *file; /* by record of the UID list */
  size_t n;
  stralloc unknown; /* names without a record: 'n' or 'c', name, NUL */
  size_t unknowns;
  mailbox_times times;
  int stable; /* cur/ stood still: what was not seen is not there */
} scan;

#define SCAN_ZERO                                                              \
  {                                                                            \
    .file = 0                                                                  \
  }

void scan_free(scan *s);

/* Looks once more; what was seen before stays seen, under its newest name. 1
   or -1. */
int scan_look(scan *s, mailbox const *m);

/* Splits a name: letters behind ":2,", the base's length; whether it is the
   name that we would give it in new/ or cur/. */
size_t scan_name(char const *name, int isnew, uint64_t *letters, int *plain);

/* Whether the directories are as they were then. */
int scan_same(mailbox const *m);

#endif
