/* The message as it will be stored, for content filters that show it to other
   programs, and what those want changed in its header, as E and H. */
#ifndef VIEW_H
#define VIEW_H

#include <skalibs/stralloc.h>

#include "compose.h"
#include "filter.h"
#include "header.h"

#define VIEW_NAME 76     /* so that "Name:" fits into a line of 78 */
#define VIEW_VALUE 8192  /* most bytes of a field's value that others give */
#define VIEW_CHANGES 500 /* most changes of one header */

typedef struct view {
  compose c;
  int whole;        /* nothing was left out yet: within size, no error */
  uint64_t size;    /* of what came */
  unsigned results; /* A records */
  stralloc above;   /* H records, one after another */
  stralloc omitted; /* E records, each with a NUL */
  int received;     /* the first H is the Received of smtp-recv */

  char const *by;  /* authserv-id */
  stralloc header; /* as shown, without the empty line */
  uint64_t body;   /* where it begins in what is shown */
  uint64_t total;  /* bytes of all that is shown */
  size_t nabove;   /* so many of its fields come of A and H */
  stralloc added;  /* H that wait for view_flush: length, bytes */
  stralloc low;    /* as added, for those that belong below the others */
  stralloc gone;   /* a byte for every field: whether it is left out */
  unsigned changes;
} view;

#define VIEW_ZERO                                                              \
  {                                                                            \
    .c = COMPOSE_ZERO                                                          \
  }

/* Keeps a record, up to max bytes of message (0: any number); what is too much
   or broken makes it not whole. */
void view_take(view *v, parcel_record const *r, uint64_t max);

/* Renders the header; by: the authserv-id, which the view keeps. 1, or -1 with
   errno. Nothing is taken afterwards. */
int view_show(view *v, char const *by);

/* Calls put() with header and body, or the body alone. As compose_write. */
int view_write(view const *v, int body_only,
               int (*put)(char const *, size_t, void *), void *data);

/* Whether field i (0: at the top) is one that smtp-recv has put: milters are
   not shown it. */
int view_is_trace(view const *v, size_t i);

/* How many fields of that name are shown, trace left out. */
size_t view_count(view *v, char const *name);

/* Leaves out the nth field of that name (1: the first; 0: all), trace left
   out. Numbers stay what they were when it was shown. 1; 0: there is none, or
   it is one of A or H, which cannot be taken back. */
int view_remove(view *v, char const *name, size_t nth);

enum { VIEW_TOP, VIEW_END };

/* Adds a field. What is no name or too long is refused; line ends in the value
   become folds, other control bytes '?'. VIEW_END: below the others that are
   added, as the parcel has no place at the end of a header. 1; 0: refused;
   -1. */
int view_add(view *v, char const *name, char const *value, size_t len,
             int where);

/* Writes what was changed to the parcel: 1 or -1. */
int view_flush(view *v, filter *f);

/* Empties it, for the next parcel. */
void view_reset(view *v);

#endif
