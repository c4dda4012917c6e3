/* Text of this machine (LF) to and from mail's CRLF, in chunks cut anywhere. */
#ifndef CRLF_H
#define CRLF_H

#include <stddef.h>

#include <skalibs/stralloc.h>

typedef struct crlf {
  int cr;   /* the last byte was one */
  int bare; /* a CR stood alone: no mail may have that */
} crlf;

/* Appends s with CRLF line ends. 1 or -1. */
int crlf_in(crlf *c, stralloc *out, char const *s, size_t len);

/* Appends s with LF line ends: the CR before an LF is left out. 1 or -1. */
int crlf_out(crlf *c, stralloc *out, char const *s, size_t len);

#endif
