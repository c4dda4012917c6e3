/* The dialogue in the log, for people who look for a fault: without secrets,
   and a message as its number of bytes. */
#ifndef SHOW_H
#define SHOW_H

#include "session.h"

/* A command line, before it is cut up; c is 0 for one that is none: that may be
   a password whose AUTH was refused, so it is not shown. */
void show_command(session const *s, command const *c, char const *line);
void show_reply(session const *s, char const *line);
/* What is counted only: "response" or "message". */
void show_bytes(session const *s, char const *what, uint64_t n);

#endif
