/* The header as the sink will write it in the end (parcel(5)): the H fields,
   newest first, above the message's own fields less those of E. */
#ifndef HEAD_H
#define HEAD_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/stralloc.h>

#define HEAD_MAX (256 * 1024) /* bytes of header, H and E together */

typedef struct head_field {
  char const *s; /* the whole field with its line ends */
  size_t len, namelen;
  int omitted; /* by E; only while it is sorted */
} head_field;

typedef struct head {
  stralloc own;   /* the message's own header */
  size_t line;    /* where its last line began */
  stralloc above; /* H fields, one after another */
  stralloc omit;  /* E: name, 0, number, 0 … */
  stralloc fields;
} head;

void head_reset(head *h);

/* Takes message bytes up to the header's end, at most len; *used is what was
   taken, the empty line with it. 1: the header is whole, 0: it goes on; -1:
   EMSGSIZE, ENOMEM. */
int head_add(head *h, char const *s, size_t len, size_t *used);

/* H and E: 1 or -1 as above. */
int head_above(head *h, char const *field, size_t len);
int head_omit(head *h, char const *name, unsigned long n);

/* When all is there: sorts it. 1; 0: a line of the header is no field (RFC
   6376 3.8 wants valid mail); -1 with ENOMEM. */
int head_finish(head *h);

/* The nth field of that name (0 first) from the bottom up, or 0. */
head_field const *head_find(head const *h, char const *name, size_t len,
                            size_t nth);
size_t head_count(head const *h, char const *name, size_t len);

/* All of them, from the bottom up. */
head_field const *head_all(head const *h, size_t *n);

#endif
