/* Logins at other servers (relays(5)). */
#ifndef TABLE_RELAYS_H
#define TABLE_RELAYS_H

#include "table-entries.h"

/* Ends the program (1) if others than the owner may read the file. */
void relays_private(char const *file);

/* NAME: USER:PASSWORD becomes USER, a NUL, PASSWORD. No complaint shows any of
   it. */
void relay_entry(text_line const *l, void *entries);

#endif
