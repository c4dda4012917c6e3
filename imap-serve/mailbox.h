/* One Maildir as a session sees it: messages by ascending UID, which is the
   order of their sequence numbers. Files may come, go and be renamed by anybody
   at any time; mailbox_sync looks. A message that is gone keeps its place
   until mailbox_drop_gone, when the client may be told. */
#ifndef MAILBOX_H
#define MAILBOX_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "keywords.h"
#include "uidlist.h"

#define MAILBOX_PATH 320 /* "cur/", a name of 255 bytes and 52 letters */

enum {
  MESSAGE_NEW = 1,     /* the file is in new/ */
  MESSAGE_RECENT = 2,  /* \Recent in this session */
  MESSAGE_GONE = 4,    /* no file any more */
  MESSAGE_CHANGED = 8, /* flags that the client has not been told */
  MESSAGE_MARK = 16    /* for whoever walks over the messages */
};

typedef struct message {
  uint64_t letters; /* letter_bit()s of its flags */
  uint64_t wire;    /* RFC822.SIZE, 0: not known yet */
  char *odd;        /* the file's name if it is not as we would write it */
  uint32_t uid;
  uint32_t name; /* offset in uids.names */
  uint32_t state;
} message;

typedef struct mailbox_times {
  struct timespec new, cur;
  int unsure; /* too young to be believed */
} mailbox_times;

typedef struct mailbox {
  int root; /* the account's directory, the caller's */
  int dir, new, cur;
  int readonly;
  uidlist uids;
  keywords keys;
  message *v;
  size_t n, a;
  uint32_t validity;   /* UIDVALIDITY when it was opened */
  uint32_t last;       /* highest UID that this session has seen */
  mailbox_times times; /* of the last scan */
  int keys_changed;    /* the client must be told of keywords */
  int writable;        /* the file system lets us */
  int nolock;          /* a lock is held: give no UIDs now */
  uint64_t left_bytes; /* what was removed and no quota knows yet */
  uint32_t left;
} mailbox;

/* name: the directory below root, "." for INBOX. Reads nothing yet. 1, or -1
   with errno (ENOENT: there is no such mailbox). */
int mailbox_open(mailbox *m, int root, char const *name, int readonly);
void mailbox_close(mailbox *m);

/* Brings m up to date: new messages get their UIDs (durably) and are moved to
   cur/ unless it is read-only, vanished ones are marked. force: even if
   nothing seems to have changed. 1, or -1 with errno (ESTALE: UIDVALIDITY is
   another now, and m of no more use). */
int mailbox_sync(mailbox *m, int force);

/* The UID that the next message will get at least. */
uint32_t mailbox_uidnext(mailbox const *m);

/* Takes out messages that are gone, calling each() with the sequence number
   that it has at that moment. */
void mailbox_drop_gone(mailbox *m, void (*each)(size_t seq, void *),
                       void *data);

/* Index of the first message with at least that UID; n if there is none. */
size_t mailbox_find(mailbox const *m, uint32_t uid);

/* "cur/NAME" as the file is now called, as far as we know. Returns length. */
size_t message_path(mailbox const *m, message const *g, char *to);
char const *message_base(mailbox const *m, message const *g);

/* Opens the file for reading, looking for it again if it was renamed. -1 with
   errno, ENOENT: it is gone (and marked). */
int message_open(mailbox *m, message *g);

/* Sets and clears letters by a rename. 1; 0: gone; -1 errno. */
int message_change(mailbox *m, message *g, uint64_t set, uint64_t clear);

/* Removes the file if it still has all these letters. 1; 0: not so any more,
   or gone already (then marked); -1 errno. */
int message_remove(mailbox *m, message *g, uint64_t letters);

/* Tells the account's quota what was removed. */
void mailbox_note_left(mailbox *m);

/* Moves or links the file to a new name in another directory. 1; 0: gone;
   -1 errno. */
int message_transfer(mailbox *m, message *g, int dir, char const *name,
                     int move);

/* RFC822.SIZE: from the name, else counted. 1, 0: gone, -1. */
int message_size(mailbox *m, message *g, uint64_t *size);

#endif
