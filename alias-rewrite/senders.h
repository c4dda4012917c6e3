/* Which addresses an account may use as its own: senders(5). */
#ifndef SENDERS_H
#define SENDERS_H

#include "table.h"

/* 1, 0, or -1 with errno; *why says it in any case, and lasts until the next
   call. account: as in P user; address: as it stands in a message. */
int senders_may(table *t, char const *account, char const *address,
                char const **why);

/* Whether the domain of an address is one of ours: 1, 0, -1 */
int senders_ours(table *t, char const *address);

#endif
