/* Inside mime*.c: from bytes on disk to folded text that can be searched. All
   of it streams. */
#ifndef MIME_TEXT_H
#define MIME_TEXT_H

#include <iconv.h>

#include "mime-in.h"

/* A charset converter; the descriptor of the last charset is kept open. */
typedef struct mime_conv {
  iconv_t cd; /* unused where the text is UTF-8 or ASCII */
  int utf8, strict;
  stralloc rest; /* the beginning of a character */
} mime_conv;

/* 1; 0: unknown, and then it reads UTF-8; -1 */
int mime_conv_open(mime_conv *c, char const *charset, size_t len);
/* Appends UTF-8. last: nothing follows. 1, 0 EILSEQ (strict), -1 */
int mime_conv_feed(mime_conv *c, stralloc *out, char const *s, size_t len,
                   int last);
void mime_conv_close(mime_conv *c);

/* Appends UTF-8 text case-folded and decomposed (close to RFC 5051). Invalid
   bytes are passed. 1 or -1 */
int mime_fold(stralloc *out, char const *s, size_t len);

/* Looks for a needle in text that comes in pieces of whole characters. */
typedef struct mime_find {
  mime_needle const *k;
  stralloc tail;
} mime_find;
int mime_find_feed(mime_find *f, char const *s, size_t len); /* 1, 0, -1 */
void mime_find_reset(mime_find *f); /* what follows is other text */

#endif
