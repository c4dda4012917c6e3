/* From the flags of a command to letters of file names. */
#ifndef FLAGS_H
#define FLAGS_H

#include "mailbox.h"
#include "parse.h"

/* Letters of those flags that the mailbox knows. */
uint64_t flags_known(mailbox const *m, flag_list const *f);

/* The same, with letters for new keywords, written durably. locked: the UID
   list's lock is held. 1, or -1 with errno (EOVERFLOW: no letters left). */
int flags_letters(mailbox *m, flag_list const *f, int locked,
                  uint64_t *letters);

#endif
