/* Inside mime*.c: strings on the wire, within MIME_OUT. */
#ifndef MIME_PUT_H
#define MIME_PUT_H

#include "mime-in.h"

/* Appends; 1 or -1. */
int mime_put(stralloc *out, char const *s);
int mime_put_number(stralloc *out, uint64_t n);

/* A field's value without folds and outer blanks, NULs as U+FFFD. */
int mime_unfold(stralloc *out, char const *s, size_t len);

/* The unfolded value as nstring; s 0: NIL. */
int mime_put_value(stralloc *out, char const *s, size_t len);

int mime_put_envelope(mime *m, mime_part const *p, stralloc *out);

#endif
