/* The syntax of commands (RFC 3501 9). Every function returns 1, or 0: the
   command is wrong or cannot go on, and p->error says how (or p->gone). What
   is read lasts until input_forget. */
#ifndef PARSE_H
#define PARSE_H

#include <stddef.h>
#include <stdint.h>

#include "input.h"

#define PARSE_LISTED 1000 /* most members of a list: flags, names, items */

typedef struct parse {
  input *in;
  char const *s, *end; /* the rest of the current line */
  char const *error;   /* a text for BAD, or "" with no set */
  char const *no;      /* a text for NO instead, "[CODE] text" */
  int nul;             /* a literal may have NULs */
  int gone;            /* the connection is of no more use */
} parse;

typedef struct text {
  char const *s; /* with a NUL behind it */
  size_t len;
} text;

/* n ranges first..last; a star is UINT32_MAX. */
typedef struct set_range {
  uint32_t first, last;
} set_range;
typedef struct set {
  set_range *v;
  size_t n;
} set;

/* System flags as letters of a file name; keywords by name. */
typedef struct flag_list {
  uint64_t letters; /* letter_bit() of D F R S T */
  text *keyword;
  size_t n;
} flag_list;

void parse_begin(parse *p, input *in, char const *s, size_t len);

int parse_is_atom(char c);              /* ATOM-CHAR */
int parse_is_astring(char c);           /* ASTRING-CHAR */
int parse_peek(parse const *p, char c); /* whether c is next */
int parse_char(parse *p, char c);
int parse_sp(parse *p);
int parse_end(parse *p); /* the command must end here */

int parse_tag(parse *p, text *t);
int parse_atom(parse *p, text *t);
int parse_astring(parse *p, text *t);
int parse_string(parse *p, text *t);
int parse_nstring(parse *p, text *t); /* s is 0 for NIL */
int parse_list_mailbox(parse *p, text *t);
int parse_number(parse *p, uint32_t *n);
int parse_set(parse *p, set *s);
int parse_flag(parse *p, flag_list *f, size_t room);
int parse_flags(parse *p, flag_list *f);      /* "(" … ")" */
int parse_flags_bare(parse *p, flag_list *f); /* flag *(SP flag) */

/* {n}, {n+} at the end of the line: its size, without reading it. */
int parse_literal_size(parse *p, uint64_t *n, int *sync);

/* The line behind a literal becomes the rest. */
int parse_next_line(parse *p);

/* Reads on to the end of a command that has failed, through literals that
   come unasked (RFC 7888 3). 1 or 0. */
int parse_drain(parse *p);

/* Case-insensitive comparison with a word. */
int text_is(text const *t, char const *word);

int set_has(set const *s, uint32_t n, uint32_t star);

#endif
