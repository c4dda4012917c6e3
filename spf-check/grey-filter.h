/* greylist-check as a parcel filter. */
#ifndef GREY_FILTER_H
#define GREY_FILTER_H

#include "grey-keeper.h"

/* fd 0 to fd 1 until the end: the exit code. */
int grey_filter_run(char const *dir, grey_policy const *p);

#endif
