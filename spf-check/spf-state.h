/* What the parts of one check share. */
#ifndef SPF_STATE_H
#define SPF_STATE_H

#include "spf.h"

typedef struct spf_state {
  spf_request const *q;
  int v6;
  unsigned char ip[16];
  char const *ip_text;
  stralloc sender; /* local@domain, NUL-terminated */
  size_t at;       /* of its @ */
  unsigned lookups, voids;
  io_time deadline;
  stralloc names; /* validated names of the IP address, each with its NUL */
  int names_known;
  char why[SPF_TEXT];
} spf_state;

enum spf_mechanism {
  SPF_ALL,
  SPF_INCLUDE,
  SPF_A,
  SPF_MX,
  SPF_PTR,
  SPF_IP4,
  SPF_IP6,
  SPF_EXISTS
};

typedef struct spf_term {
  enum spf_mechanism mechanism;
  enum spf_result result; /* if it matches */
  char const *spec;       /* domain-spec, 0 if there is none */
  size_t speclen;
  unsigned cidr4, cidr6;
  unsigned char ip[16];
} spf_term;

typedef struct spf_record {
  char const *s; /* the terms; what is left of them */
  size_t len;
  char const *redirect, *exp; /* domain-specs or 0 */
  size_t redirectlen, explen;
} spf_record;

/* spf-syntax.c: whether every term is right (RFC 7208 4.6.1), and where
   redirect and exp are: 1; 0: *bad..badlen is the wrong one. */
int spf_syntax(spf_record *r, char const **bad, size_t *badlen);

/* The next mechanism of a record that passed: 1 or 0. */
int spf_next(spf_record *r, spf_term *t);

/* spf-macro.c: whether s is a macro-string (RFC 7208 7.1); in explanations c r
   t and blanks are allowed. */
enum { SPF_MACRO_DOMAIN = 1, SPF_MACRO_EXP = 2, SPF_MACRO_ANY = 3 };
int spf_macro_valid(char const *s, size_t len, int kind);

/* Appends the expansion: 1; 0: longer than SPF_EXPANDED; -1. */
#define SPF_EXPANDED 8192
int spf_macro(spf_state *st, stralloc *out, char const *s, size_t len,
              char const *domain);

/* The expansion as a name for DNS (RFC 7208 7.3), NUL-terminated; domain itself
   where s is 0. 1, 0 and -1 as spf_macro. */
int spf_target(spf_state *st, stralloc *out, char const *s, size_t len,
               char const *domain);

/* spf-match.c: 1: matches; 0; -1: *r is temperror or permerror and st->why */
int spf_match(spf_state *st, spf_term const *t, char const *domain,
              enum spf_result *r);
int spf_ip_equal(spf_state const *st, unsigned char const *ip, unsigned bits);
void spf_find_names(spf_state *st); /* fills names */

io_time spf_deadline(spf_state const *st); /* of one look-up */

/* One look-up more, and the name that it asks for, as spf_target: 1, or 0 when
   that is too many, or there is no name (*r, st->why). */
int spf_lookup(spf_state *st, stralloc *name, char const *spec, size_t len,
               char const *domain, enum spf_result *r);

#endif
