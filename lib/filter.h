/* A parcel filter (parcel(5), Filters): passes every record from fd 0 to fd 1,
   keeps what it says of the client, and calls its owner as things become
   known. What the owner puts stands where parcel(5) allows it. */
#ifndef FILTER_H
#define FILTER_H

#include <skalibs/stralloc.h>

#include "parcel.h"

/* What an admin may want done about a result. */
typedef enum filter_action {
  FILTER_IGNORE,
  FILTER_JUNK,
  FILTER_REJECT, /* 550 5 */
  FILTER_DEFER   /* 451 4 */
} filter_action;

/* Most bytes of facts, and of results and fields that wait for the end of the
   recipients: more break the parcel off. */
#define FILTER_KEPT (1024 * 1024)

#define FILTER_ALL (-1) /* a verdict on every recipient */

typedef struct filter filter;
struct filter {
  void *data; /* the owner's, as are the functions: any may be 0. 1, or -1
                 with errno: the parcel is broken off, and the program ends.
                 None is called for what was refused, but begin. */
  void (*begin)(filter *f);
  int (*connect)(filter *f); /* all facts are known */
  int (*sender)(filter *f);  /* from is known */
  int (*recipient)(filter *f, parcel_record const *r);
  int (*record)(filter *f, parcel_record const *r);  /* M E H A V, others */
  int (*message)(filter *f, parcel_record const *r); /* M, which then is not
                                                        passed on */
  int (*end)(filter *f);

  char id[PARCEL_ID + 1]; /* the parcel's */
  stralloc facts;         /* P records, each with a NUL */
  stralloc from;          /* the F record, with a NUL */
  int refused;            /* all of it, by anybody */
  int asked;              /* the last record of F, T and ? is a ? */
  int trusted;            /* logged in, or no client to be asked about */
  unsigned stage;         /* filter.c's */
  char order;
  stralloc late; /* A E H that wait for the end of the recipients */
  parcel_out out;
};

/* The value of a P record, or "". */
char const *filter_fact(filter const *f, char const *name);

/* Who says what filters find: the authserv-id of the parcel, or our own. */
char const *filter_by(filter const *f);

/* Appends to the parcel: 1, or -1 with errno. resinfo: RFC 8601 2.2; field:
   with its CRLF; n counts from 1. */
int filter_result(filter *f, char const *resinfo);
int filter_field(filter *f, char const *field, size_t len);
int filter_omit(filter *f, char const *name, unsigned n);

/* Message bytes in the place of those that message() was given. 1 or -1. */
int filter_message(filter *f, char const *s, size_t len);

/* A P record behind the others, from connect() alone: 1; 0: there is one of
   that name, or it is too long; -1 with errno. */
int filter_add_fact(filter *f, char const *name, char const *value);

/* A V record for all or for the recipients of that number. detail: "7.1" makes
   550 5.7.1 or 451 4.7.1; text is cleaned. Or a whole reply, "554 5.7.0 text",
   whose class must fit the action. FILTER_IGNORE: nothing. */
int filter_verdict(filter *f, filter_action a, long number, char const *detail,
                   char const *text);
int filter_reply(filter *f, filter_action a, long number, char const *reply);

/* Whether a reply is one that the action can have: "550 5.7.1 text" for reject,
   "451 4…" for defer, "250 …" for junk; printable, shorter than PARCEL_REPLY.
 */
int filter_reply_fits(filter_action a, char const *reply);

/* Serves until the end of the input: the exit code, 0 or 111. */
int filter_run(filter *f);

/* "ignore", "junk", "reject", "defer": 1 or 0. */
int filter_action_scan(filter_action *a, char const *s, size_t len);

/* "word=action,word=action…", every word one of words[0..n): sets its action.
   1 or 0. */
int filter_actions_scan(filter_action *a, char const *const *words, unsigned n,
                        char const *s);

/* s as a pvalue (RFC 8601 2.2): as it is, or quoted; cut to size. */
void filter_property(char *to, size_t size, char const *s);

#endif
