/* Received-SPF (RFC 7208 9.1). */
#ifndef SPF_FIELD_H
#define SPF_FIELD_H

#include <skalibs/stralloc.h>

#include "spf.h"

/* Appends the whole field, folded, with its CRLF: 1 or -1. */
int spf_field(stralloc *to, spf_request const *q, spf_answer const *a);

#endif
