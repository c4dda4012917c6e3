/* Mail that is moved into the Junk mailbox or out of it, for a filter that
   learns. */
#ifndef LEARN_H
#define LEARN_H

#include "errands.h"
#include "session.h"

/* What a move or copy from the selected mailbox to the one whose directory is
   dir says: ERRAND_SPAM, ERRAND_HAM, or 0. To Trash says nothing. */
int learn_what(session const *s, char const *dir);

/* Files below the directory: n paths, each with its NUL. */
void learn_files(int what, int dir, char const *paths, size_t n);

#endif
