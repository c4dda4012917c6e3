/* Names in a Maildir++ (cr.yp.to/proto/maildir.html, Courier's Maildir++). */
#ifndef MAILDIR_H
#define MAILDIR_H

#include <stddef.h>
#include <stdint.h>

#define MAILDIR_NAME 255

/* What a file name says. */
typedef struct maildir_name {
  size_t baselen;    /* up to the first ',' or ':': the unique part */
  uint64_t size;     /* ,S= : bytes of the file; UINT64_MAX if absent */
  uint64_t wire;     /* ,W= : bytes with CRLF line ends; as above */
  char const *flags; /* behind ":2,", or "" */
} maildir_name;
void maildir_parse(maildir_name *n, char const *name);

/* A new unique name without ":2,": TIME.M<usec>P<pid>Q<count>.HOST,S=…,W=…
   HOST is conf_me with '/' and ':' escaped. Returns its length; 0 if it does
   not fit into MAILDIR_NAME. tag, if not 0, takes the place of M…P…Q… */
size_t maildir_unique(char *to, char const *tag, uint64_t size, uint64_t wire);

/* Makes dir with its parents below the mail root (mkdir 0700), cur new tmp,
   and the special-use mailboxes .Drafts .Sent .Junk .Trash .Archive with
   subscriptions; names from ROHRPOST_FOLDERS ("Drafts=…:Sent=…"). Durable
   before it returns. 1 or -1; what exists is left alone. */
int maildir_make(char const *dir);

/* Special uses (RFC 6154 2) for which an account has a mailbox. */
#define MAILDIR_KINDS 5
extern char const *const maildir_kinds[MAILDIR_KINDS];

/* The directory of a special-use mailbox, ".Junk" for kind "Junk", by
   ROHRPOST_FOLDERS. to has MAILDIR_NAME + 1 bytes. */
void maildir_folder(char *to, char const *kind);

/* Makes one mailbox below dir (name with its dot). Durable. 1 or -1. */
int maildir_folder_make(char const *dir, char const *name);

#endif
