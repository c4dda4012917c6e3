/* Tag lists (RFC 6376 3.2) as they come in: in a header field, LF or CRLF
   lines, or in a TXT record. Nothing is copied. */
#ifndef TAG_LIST_H
#define TAG_LIST_H

#include <stddef.h>
#include <stdint.h>

#define TAG_LIST_MAX 64 /* tags: more are no list; RFC 6376 knows 13 */

typedef struct tag {
  char const *name;
  size_t namelen;
  char const *s; /* the value without blanks and line ends around it */
  size_t len;
  char const *raw; /* everything between = and ; */
  size_t rawlen;
} tag;

typedef struct tag_list {
  unsigned n;
  tag v[TAG_LIST_MAX];
} tag_list;

/* 1; 0: not such a list, or a name twice (3.2), too many. Values may be UTF-8
   (RFC 8616 3). */
int tag_list_scan(tag_list *t, char const *s, size_t len);

/* The tag of that name, in its case (3.2), or 0. */
tag const *tag_find(tag_list const *t, char const *name);

int tag_is(tag const *t, char const *value);

/* The next of the words of a value that colons separate, without blanks around
   it; *at is 0 first. 1, or 0 behind the last. A word may be empty. */
int tag_word(tag const *t, size_t *at, char const **word, size_t *len);

/* Whether one of them is that. */
int tag_has(tag const *t, char const *word);

/* 1*most DIGIT; what is more than 2^64-1 becomes that. 1 or 0. */
int tag_number(tag const *t, unsigned most, uint64_t *n);

/* base64string (2.10): blanks between letters, padding whole or left out, as
   the grammar has it. *n bytes, at least 1 and at most size. 1 or 0. */
int tag_base64(tag const *t, unsigned char *to, size_t size, size_t *n);

#endif
