/* Asks a program behind a unix socket where an address goes (aliases(5),
   Programs). */
#ifndef ROUTE_ASK_H
#define ROUTE_ASK_H

#include <stddef.h>

#include <skalibs/stralloc.h>

#include "io.h"

#define ASK_MS 5000   /* for one answer */
#define ASK_LINE 8192 /* bytes of an answer with its LF */
#define ASK_NAME 64   /* bytes of a socket's name */

/* Whether s names a socket below ROHRPOST_RUN: letters, digits, - _ and dots,
   but none at the start. */
int ask_name_valid(char const *s, size_t len);

/* Whether a question or an answer, without its LF, has no control characters.
 */
int ask_text_valid(char const *s, size_t len);

/* 1: out is the targets, joined by NUL, not one of them beginning with : (a
   program may name no other); 0: the program does not know the address; -1
   with errno: it is not there, or it did not answer in time, or it said that
   it cannot (EAGAIN), or something that is no answer (EPROTO). out starts
   empty. */
int ask_socket(char const *name, size_t namelen, char const *address,
               size_t len, stralloc *out, io_time deadline);

/* One answer, without its LF: as above. */
int ask_answer(char const *s, size_t len, stralloc *out);

#endif
