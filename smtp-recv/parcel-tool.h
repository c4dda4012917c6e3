/* The parts of parcel(1). Each takes argv behind its own name and returns the
   exit code. */
#ifndef PARCEL_TOOL_H
#define PARCEL_TOOL_H

#include "parcel.h"

int parcel_make(int argc, char const *const *argv);
int parcel_print(int argc, char const *const *argv);
int parcel_extract(int argc, char const *const *argv);
int parcel_to(int argc, char const *const *argv);
int parcel_run(int argc, char const *const *argv);
int parcel_when(int argc, char const *const *argv);

/* As parcel_next, but dies (111) where that is -1. */
int parcel_read(parcel_in *in, parcel_record *r, char *state);

/* These die (111), too: if r says that it failed to do what; if a record
   cannot be written; if what is buffered cannot. */
void parcel_must(int r, char const *what);
void parcel_write(parcel_out *out, char type, void const *s, size_t len);
void parcel_send(parcel_out *out);

#endif
