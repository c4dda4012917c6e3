/* Shared by folders.c and subscriptions.c. */
#ifndef FOLDERS_PARTS_H
#define FOLDERS_PARTS_H

#include "folders.h"

int folders_add(folders *f, char const *name, size_t len);
int folders_sort(folders *f, size_t fixed);

#endif
