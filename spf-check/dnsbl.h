/* Asking DNS lists (RFC 5782): all at once, none longer than DNSBL_MS, and
   none believed that fails its test. */
#ifndef DNSBL_H
#define DNSBL_H

#include "dnsbl-list.h"

#define DNSBL_MS 5000          /* all of one call */
#define DNSBL_PERIOD_MS 600000 /* between tests, and off after a failed one */
#define DNSBL_ROWS (3 * DNSBL_LISTS)

enum dnsbl_outcome { DNSBL_CLEAR, DNSBL_LISTED, DNSBL_SILENCE, DNSBL_OFF };

/* What one list says of one thing. */
typedef struct dnsbl_row {
  dnsbl_list *list;
  unsigned kind; /* DNSBL_IP4 … */
  enum dnsbl_outcome outcome;
  long score;
  int secure;            /* by DNSSEC */
  char ip[16];           /* LISTED: the answer that counts */
  char text[DNSBL_TEXT]; /* LISTED: its text, printable ASCII, may be "" */
} dnsbl_row;

typedef struct dnsbl_result {
  unsigned n;
  long score;
  dnsbl_row v[DNSBL_ROWS];
} dnsbl_result;

typedef struct dnsbl_request {
  char const *ip, *helo, *domain; /* "": not to be asked for */
  io_time period;                 /* milliseconds, DNSBL_PERIOD_MS */
} dnsbl_request;

/* Appends rows, adds to the score. A test that is due is done on the way; a
   list that is switched off or on is logged. 1, or -1 with ENOMEM. */
int dnsbl_ask(dnsbl_lists *l, dnsbl_request const *q, dnsbl_result *r);

/* Tests all that a list is used for, now: state says what came of it. */
int dnsbl_test(dnsbl_lists *l, io_time period);

#endif
