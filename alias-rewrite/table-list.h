/* Lists of senders or recipients, as `parcel when` looks them up. */
#ifndef TABLE_LIST_H
#define TABLE_LIST_H

#include "table-entries.h"

/* Adds an entry: an address, @domain, @.domain (all that is below it) or <>.
   A bad line ends the program (1). */
void list_entry(text_line const *l, void *entries);

#endif
