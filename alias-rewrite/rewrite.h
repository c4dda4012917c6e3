/* The filter: every T record that has no route yet becomes the T records of
   its targets. */
#ifndef REWRITE_H
#define REWRITE_H

/* Passes parcels on from fd in to fd out until the end of input, looking
   addresses up in the table at path. 1; -1 with errno after a broken parcel or
   a failed write. */
int rewrite_all(char const *path, int in, int out);

#endif
