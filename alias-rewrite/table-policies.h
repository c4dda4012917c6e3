/* policies(5): what smtp-send demands of the way to a destination. */
#ifndef TABLE_POLICIES_H
#define TABLE_POLICIES_H

#include "table-entries.h"

/* Adds an entry, "domain: word, …". A bad line ends the program (1). */
void policy_entry(text_line const *l, void *entries);

#endif
