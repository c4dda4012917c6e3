/* Text tables: one entry a line, continued by lines that begin with a blank; #
   begins a comment at the start of a line or behind a blank. A bad line ends
   the program: FILE:LINE: why, exit 1. */
#ifndef TABLE_TEXT_H
#define TABLE_TEXT_H

#include <stddef.h>

typedef struct text_line {
  char const *file;
  unsigned long number; /* where the entry begins, from 1 */
  char const *s;        /* without comments and outer blanks; s[len] is 0 */
  size_t len;
} text_line;

/* Calls each() for every entry. Dies (111) if the file cannot be read. */
void text_each(char const *file, void (*each)(text_line const *, void *),
               void *data);

/* PROG: fatal: FILE:LINE: WHY, WHAT behind it where it is not null */
_Noreturn void text_die(text_line const *l, char const *why, char const *what);

/* Dies (111) unless done: memory. */
void text_check(int done);

/* What a library said: 1 good, 0 bad (dies with why and s, of which at most so
   many bytes are shown), -1 no memory */
#define TEXT_SHOWN 320
void text_must(int r, text_line const *l, char const *why, char const *s,
               size_t len);

/* Whether it is a name of things of ours: letters, digits, - and _, 1 to 64 */
int text_name(char const *s, size_t len);

/* Position of the first c in s that stands in no quotes and no brackets, or
   len */
size_t text_find(char const *s, size_t len, char c);

/* The next of a list with commas at *pos, which moves behind it, without blanks
   around it and not empty: 1, or 0 at the end */
int text_item(text_line const *l, size_t *pos, char const **item, size_t *len);

/* The next word at *pos, which moves behind it: 1, or 0 at the end */
int text_word(text_line const *l, size_t *pos, char const **word, size_t *len);

#endif
