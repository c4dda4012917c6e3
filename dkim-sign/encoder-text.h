/* Inside encoder*.c: the body of one part as quoted-printable. */
#ifndef ENCODER_TEXT_H
#define ENCODER_TEXT_H

#include "encoder.h"

/* A line or a piece of one, without its end. 1 or -1. */
int encoder_text(encoder *e, char const *s, size_t len);

/* The end of a line, as it stood there ("" at the message's). 1 or -1. */
int encoder_text_end(encoder *e, char const *end, size_t len);

#endif
