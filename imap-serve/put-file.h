/* One message becomes one file of a mailbox, durably. */
#ifndef PUT_FILE_H
#define PUT_FILE_H

#include "compose.h"

/* A mailbox whose directories stay open. */
typedef struct put_mailbox {
  int new, root;
} put_mailbox;

enum {
  PUT_STORED = 1,
  PUT_REFUSED = 2, /* for good: nobody need try */
  PUT_FAILED = 0,  /* errno; no name was given: another may try */
  PUT_LOST = -1    /* errno; a sync failed: nobody may try again here */
};

/* Opens dir/folder (folder "" for the inbox) with new/; ENOENT if it is not
   there. 1 or -1. */
int put_mailbox_open(put_mailbox *m, char const *dir, char const *folder);
void put_mailbox_close(put_mailbox *m);

/* Whether that message of the queue is in new or cur already, for whichever of
   its recipients: 1, 0, -1. */
int put_file_there(put_mailbox const *m, char const *queue);

/* The same of all mailboxes of the Maildir++ at root. */
int put_file_anywhere(int root, char const *queue);

/* Writes the message with LF line ends into a new file, with tag in its name
   if it is not 0: of new/, or of cur/ if it has flags (letters.h). *name
   (MAILDIR_NAME + 1) is the file's. *size: its bytes. */
int put_file(put_mailbox const *m, compose const *c, compose_trace const *t,
             char const *tag, uint64_t letters, char *name, uint64_t *size);

#endif
