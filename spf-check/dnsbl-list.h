/* Which DNS lists are asked, and what their answers count: the text that an
   admin writes (dnsbl-check(8), Lists). */
#ifndef DNSBL_LIST_H
#define DNSBL_LIST_H

#include <stddef.h>

#include "io.h"

#define DNSBL_LISTS 64
#define DNSBL_RESPONSES 64      /* of one list */
#define DNSBL_ZONE 200          /* bytes of a zone's name, with room for ours */
#define DNSBL_TEXT 256          /* bytes of a text */
#define DNSBL_LINE 1024         /* bytes of a line */
#define DNSBL_SCORE_MAX 9999999 /* thousandths */
#define DNSBL_SCORE_TEXT 16

/* What is looked up; a list may have several. */
enum { DNSBL_IP4 = 1, DNSBL_IP6 = 2, DNSBL_HELO = 4, DNSBL_SENDER = 8 };

typedef struct dnsbl_response {
  unsigned char low[4], high[4]; /* octet by octet */
  int error; /* no listing: the list says that it does not serve us */
  long score;
  char text[DNSBL_TEXT];
} dnsbl_response;

/* How a list does, apart for IPv4, IPv6 and names. */
typedef struct dnsbl_state {
  io_time good, off; /* tested until; not asked until */
  unsigned silent;   /* questions without answer in a row */
  int failed;        /* the test under way */
  char why[80];      /* it is off; "": it is not */
} dnsbl_state;

typedef struct dnsbl_list {
  char zone[DNSBL_ZONE];
  char shown[DNSBL_ZONE]; /* its name outside: a zone may hold a secret */
  unsigned what;
  long score;  /* of an answer that no response matches */
  int txt;     /* its TXT record explains */
  int no_test; /* it does not keep RFC 5782 5 */
  char text[DNSBL_TEXT];
  unsigned n;
  dnsbl_response *v;
  dnsbl_state state[3];
} dnsbl_list;

typedef struct dnsbl_lists {
  unsigned n;
  dnsbl_list v[DNSBL_LISTS];
} dnsbl_lists;

/* Reads a line without its end. 1, 0 and *why (static), or -1 with ENOMEM.
   Blank lines and comments are nothing. */
int dnsbl_line(dnsbl_lists *l, char const *s, size_t len, char const **why);

/* Thousandths: "4", "-0.25": 1 or 0. */
int dnsbl_score_scan(long *to, char const *s, size_t len);
char const *dnsbl_score_show(char to[DNSBL_SCORE_TEXT], long score);

/* Whether an answer is of those; which response of the list it is, or 0. */
int dnsbl_response_has(dnsbl_response const *r, unsigned char const ip[4]);
dnsbl_response const *dnsbl_find(dnsbl_list const *l,
                                 unsigned char const ip[4]);

void dnsbl_free(dnsbl_lists *l);

#endif
