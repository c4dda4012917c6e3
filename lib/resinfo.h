/* One result of an A record: resinfo of RFC 8601 2.2, less its semicolon, as
   filters write it: "dkim=fail (why) header.d=a.test header.s=\"x\"". Every
   string is read with its comments, quotes and blanks. */
#ifndef RESINFO_H
#define RESINFO_H

#include <stddef.h>

#define RESINFO_WORD 32 /* a method or a result, with its NUL */

typedef struct resinfo {
  char method[RESINFO_WORD], result[RESINFO_WORD]; /* in lower case */
  char const *s, *end;                             /* the properties */
} resinfo;

/* 1; 0: it is none, or nothing that one of ours writes. The whole of it is
   looked at. s must live as long as r. */
int resinfo_read(resinfo *r, char const *s, size_t len);

/* The first property of that name, "header.d", with a NUL and without quotes:
   1; 0: there is none, or it does not fit into size, or holds a NUL. */
int resinfo_get(resinfo const *r, char const *name, char *to, size_t size);

#endif
