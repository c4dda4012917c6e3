/* EMAILID (RFC 8474 5.1): a hash of the message's GUID, which is what the UID
   list says with the extension G, else the base of the file's name. COPY and
   MOVE write G, so that the new file has the GUID of the old; Dovecot reads
   and writes it in the same way. */
#ifndef EMAILID_H
#define EMAILID_H

#include "mailbox.h"

#define EMAILID_GUID 512 /* bytes of a GUID with its NUL */
#define EMAILID_SIZE 33  /* 32 hexadecimal digits and a NUL */

/* Length of the GUID; longer ones are cut. */
size_t emailid_guid(mailbox const *m, message const *g, char *to);

void emailid(mailbox const *m, message const *g, char *to);

#endif
