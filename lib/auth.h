/* A client of the Dovecot authentication protocol (auth-check, or Dovecot). */
#ifndef AUTH_H
#define AUTH_H

#include <stddef.h>

#include "io.h"
#include "line.h"

#define AUTH_LINE 16384

typedef struct auth_client {
  int fd;
  line_in in;
  char buf[AUTH_LINE];
  char cookie[64];      /* hex, for the master side */
  char mechanisms[256]; /* "PLAIN LOGIN", from MECH lines */
  unsigned id;          /* of the last request */
  unsigned pid;         /* what the master side must name: our CPID */
} auth_client;

/* Connects and shakes hands: 1 or -1 with errno. */
int auth_open(auth_client *a, char const *socket, io_time deadline);
void auth_close(auth_client *a);

/* Begins a request: mechanism, service "smtp" or "imap", facts; resp is the
   initial response in base64 or 0. Then auth_continue for each further
   response. Answers: */
enum {
  AUTH_OK = 1,   /* user[] is the account */
  AUTH_CONT = 2, /* challenge[] in base64 is for the client */
  AUTH_NO = 0,   /* 535 5.7.8 */
  AUTH_TEMP = -1 /* 454 4.7.0; the connection is of no more use */
};
typedef struct auth_answer {
  char user[321];
  char challenge[AUTH_LINE];
} auth_answer;
typedef struct auth_facts {
  char const *service, *ip, *localip; /* 0 where unknown */
  int secured;
} auth_facts;
int auth_begin(auth_client *a, char const *mechanism, auth_facts const *f,
               char const *resp, auth_answer *answer, io_time deadline);
int auth_continue(auth_client *a, char const *resp, auth_answer *answer,
                  io_time deadline);

/* Master side: confirms that the client with that pid and cookie has proved
   request id: AUTH_OK and user[], AUTH_NO, AUTH_TEMP. */
int auth_confirm(char const *socket, unsigned pid, unsigned id,
                 char const *cookie, auth_answer *answer, io_time deadline);

#endif
