/* SEARCH (6.4.4). */
#ifndef SEARCH_H
#define SEARCH_H

#include "mime.h"
#include "session.h"

#define SEARCH_DEPTH 50 /* of NOT, OR and parentheses */

enum search_kind {
  SEARCH_ALL,
  SEARCH_LETTERS, /* letters set, or (not) */
  SEARCH_RECENT,
  SEARCH_NEVER,   /* a keyword that nothing can have */
  SEARCH_NUMBERS, /* sequence numbers */
  SEARCH_UIDS,
  SEARCH_EMAILID, /* field */
  SEARCH_BEFORE,  /* the internal date */
  SEARCH_ON,
  SEARCH_SINCE,
  SEARCH_SENTBEFORE, /* Date: */
  SEARCH_SENTON,
  SEARCH_SENTSINCE,
  SEARCH_LARGER,
  SEARCH_SMALLER,
  SEARCH_FIELD,
  SEARCH_BODY,
  SEARCH_TEXT,
  SEARCH_NOT,
  SEARCH_OR,
  SEARCH_AND
};

typedef struct search_key {
  struct search_key *next; /* in an AND */
  int kind;
  uint64_t letters;
  set numbers;
  uint32_t n; /* bytes */
  long day;   /* since 1970 */
  char const *field;
  mime_needle needle;
  int with_needle;
  struct search_key *a, *b; /* of NOT, OR; the first of an AND */
} search_key;

/* The whole of the arguments as one AND. 1 or 0 as parse functions; *key is
   to be given to search_free in any case. */
int search_parse(session *s, parse *p, search_key **key);
void search_free(search_key *key);

/* Days from 1 January 1970 in the proleptic Gregorian calendar. */
long search_day(int year, unsigned month, unsigned day);

enum { SEARCH_NO, SEARCH_YES, SEARCH_MAYBE, SEARCH_GONE, SEARCH_ERROR };

/* Whether box.v[at] matches. open: files may be looked at, else the answer may
   be SEARCH_MAYBE. */
int search_match(session *s, search_key const *key, size_t at, int open);

#endif
