/* The next station of a parcel: a connection to a sink's socket, kept from
   one parcel to the next. */
#ifndef STATION_H
#define STATION_H

#include "line.h"
#include "parcel.h"

typedef struct station {
  int fd; /* -1: not connected */
  parcel_out out;
  line_in in;
  char line[PARCEL_REPORT_LINE];
} station;

#define STATION_ZERO                                                           \
  {                                                                            \
    .fd = -1                                                                   \
  }

/* Connected to path and idle: the old connection if it still is, else a new
   one. 1 or -1 with errno. */
int station_open(station *s, char const *path, io_time deadline);

/* Its parts. Whether there is a connection on which nothing is under way; and
   fd, if it is not -1, as the new one: 1 or -1 with errno. */
int station_idle(station const *s);
int station_use(station *s, int fd);

/* The reports of parcel id: each T goes to each() (may be 0), R into *r.
   1; -1 with errno, EPIPE if the sink went away, EPROTO for anything else
   than these: then the connection must be closed. */
int station_reports(station *s, char const *id, parcel_report *r,
                    void (*each)(parcel_report const *, void *), void *data,
                    io_time deadline);

/* The answer to a ? record. As above. */
int station_answer(station *s, char const *id, parcel_report *r,
                   io_time deadline);

void station_close(station *s);
void station_free(station *s);

#endif
