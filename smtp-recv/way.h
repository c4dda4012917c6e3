/* The way in: where parcels go, a unix socket or a pipeline that we start. It
   stays open from parcel to parcel; after anything unexpected it is closed
   and never used again. */
#ifndef WAY_H
#define WAY_H

#include <sys/types.h>

#include "station.h"

typedef struct way {
  char const *socket;      /* or */
  char const *const *prog; /* ends with 0 */
  pid_t pid;               /* of prog, else 0 */
  int touched;             /* bytes of the present parcel have left us */
  int broken;              /* by the present parcel */
  station station;
} way;

void way_init(way *w, char const *socket, char const *const *prog);

/* Opens it, or looks whether it is still there: 1 or -1. */
int way_open(way *w, io_time deadline);
void way_free(way *w);

/* As parcel_put and parcel_put_message; once it is broken, always -1. */
int way_put(way *w, char type, void const *s, size_t len, io_time deadline);
int way_message(way *w, void const *s, size_t len, io_time deadline);

/* Gives the present parcel up: nothing of it will be committed. */
void way_drop(way *w);

/* The same, for that reason (an SMTP reply): with a verdict and '.', so that
   the way stays usable; by way_drop if that fails. */
void way_refuse(way *w, char const *id, char const *reply, io_time deadline);

/* Sends '.', and waits for the report of the parcel: 1 and *final; -1 if it
   is missing, wrong, or not alone. each() gets the T lines before it. */
int way_finish(way *w, char const *id, parcel_report *final,
               void (*each)(parcel_report const *, void *), void *data,
               io_time deadline);

/* Sends '?' and waits for its answer: 1 and *answer, or -1. */
int way_settle(way *w, char const *id, parcel_report *answer, io_time deadline);

#endif
