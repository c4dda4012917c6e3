/* The dialogue in the log, for people who look for a fault: without passwords,
   and without literals, of which the sizes are seen. */
#ifndef TALK_H
#define TALK_H

#include <stddef.h>
#include <stdint.h>

#define TALK_LINE 400 /* bytes of a line that are shown */

typedef struct talk {
  int secret;    /* the client's command has a password */
  int literal;   /* its last line announced one: the command goes on */
  uint64_t skip; /* of the server's literal */
  size_t len;    /* of the server's line so far, of which line has the first */
  char line[TALK_LINE], tail[24]; /* and tail the last bytes */
} talk;

/* A line without its end. */
void talk_client(talk *t, char const *s, size_t n);

/* The next bytes, in any pieces. */
void talk_server(talk *t, char const *s, size_t n);

#endif
