/* Shared by the files of uidlist, and by nobody else. */
#ifndef UIDLIST_PARTS_H
#define UIDLIST_PARTS_H

#include "uidlist.h"

int uidlist_push(uidlist *l, uint32_t uid, char const *base, size_t len,
                 char const *extra, size_t extralen);
void uidlist_restart(uidlist *l);
void uidlist_renumber(uidlist *l, size_t n);
int uidlist_current(uidlist const *l, size_t i);

#endif
