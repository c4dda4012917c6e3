/* Sender Policy Framework (RFC 7208): check_host(). */
#ifndef SPF_H
#define SPF_H

#include <stddef.h>

#include <skalibs/stralloc.h>

#include "io.h"

#define SPF_LOOKUPS 10     /* terms that ask DNS: RFC 7208 4.6.4 */
#define SPF_VOID 2         /* of them, those without an answer */
#define SPF_NAMES 10       /* MX names of one term */
#define SPF_MS 20000       /* the whole check */
#define SPF_QUERY_MS 10000 /* one look-up */
#define SPF_TEXT 512

enum spf_result {
  SPF_NONE,
  SPF_NEUTRAL,
  SPF_PASS,
  SPF_FAIL,
  SPF_SOFTFAIL,
  SPF_TEMPERROR,
  SPF_PERMERROR,
  SPF_RESULTS /* how many there are */
};

typedef struct spf_request {
  char const *ip;     /* IPv4-mapped IPv6 counts as IPv4 */
  char const *helo;   /* "" if unknown */
  char const *sender; /* "": the HELO name is checked */
  char const *me;     /* for %{r} */
} spf_request;

typedef struct spf_answer {
  enum spf_result result;
  int helo;                /* the HELO name was checked, not MAIL FROM */
  char identity[SPF_TEXT]; /* what was checked: an address, or a name */
  int explained;           /* text is the domain's own, for fail */
  char text[SPF_TEXT];     /* why; printable ASCII */
} spf_answer;

/* 1, or 0 with EINVAL if ip is none. Memory that runs out is a temperror. */
int spf_check(spf_request const *q, spf_answer *a);

/* spf-word.c: "none" …, and back: 1 or 0; what a reply says, "7.23". */
extern char const *const spf_words[SPF_RESULTS];
int spf_word_scan(enum spf_result *r, char const *s);
char const *spf_detail(enum spf_result r);

#endif
