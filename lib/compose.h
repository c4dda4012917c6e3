/* The message as a sink keeps it, made of a parcel's M, E, H and A records:
   from the top Return-Path (final delivery) and Delivered-To (the same, and
   what an alias passes on), one Authentication-Results of all A (RFC 8601 2.2),
   the H newest first, the message less E. Memory is bounded: the message is
   spooled, its header and the records together have at most COMPOSE_HEADER
   bytes. */
#ifndef COMPOSE_H
#define COMPOSE_H

#include <skalibs/stralloc.h>

#include "parcel.h"
#include "spool.h"

#define COMPOSE_HEADER 1048576

typedef struct compose {
  spool message;
  stralloc late;   /* E, H and A records, each between two lengths */
  uint64_t header; /* bytes of the message's header, its empty line included */
  char state;      /* of the search for that line */
} compose;

#define COMPOSE_ZERO                                                           \
  {                                                                            \
    .message = SPOOL_ZERO, .late = STRALLOC_ZERO                               \
  }

/* Takes a record if it is M, E, H or A. 1; 0 with EMSGSIZE (the header is too
   big: 552 5.3.4); -1 with errno, EPROTO for a record that would break the
   header. After -1 what was taken before is whole, this record is not taken. */
int compose_take(compose *c, parcel_record const *r);

/* Calls put() with the message in pieces, CRLF line ends. by: authserv-id;
   return_path ("" for <>) and delivered_to may be 0. 1, -1 with errno, or
   what put() returned if not 1. */
typedef struct compose_trace {
  char const *by, *return_path, *delivered_to;
} compose_trace;
int compose_write(compose const *c, compose_trace const *t,
                  int (*put)(char const *, size_t, void *), void *data);

/* A copy of the message's own header as far as it has come, *len bytes, for
   free(); 0 with errno. */
char *compose_header(compose const *c, size_t *len);

/* Passes on what was taken, as records: 1, 0 and -1 as parcel_put. */
int compose_forward(compose const *c, parcel_out *out, io_time deadline);

void compose_reset(compose *c);
void compose_free(compose *c);

#endif
