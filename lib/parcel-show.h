/* What came from outside, for people: on a terminal it does nothing but stand
   there. */
#ifndef PARCEL_SHOW_H
#define PARCEL_SHOW_H

#include <skalibs/stralloc.h>

/* Appends s: "\0" "\r" "\n" "\t" "\\", and "\xHH" for other controls (C1, too),
   for what turns the direction of text, and for what is no UTF-8. 1 or -1. */
int parcel_show_text(stralloc *to, char const *s, size_t len);

/* Appends a record as a line: type, blank, the rest. 1 or -1. */
int parcel_show(stralloc *to, char type, char const *s, size_t len);

#endif
