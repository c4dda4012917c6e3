/* The login at a relay (RFC 4954), with the user and password of relays(5). */
#ifndef LOGIN_H
#define LOGIN_H

#include "fresh-table.h"
#include "session.h"

typedef struct login {
  char const *name;            /* in relays(5); 0: no login */
  char const *user, *password; /* of so many bytes, valid until the next find */
  size_t user_len, password_len;
} login;

/* Looks name up, which stays the caller's. 1; 0: o says why not. */
int login_find(login *g, fresh_table *relays, char const *name, outcome *o);

enum {
  LOGIN_DONE = 1,
  LOGIN_NEXT = 0, /* this connection is of no use */
  LOGIN_NO = -1   /* nor is any other to this host */
};

/* Logs in, only where nobody can listen. All failures are temporary: whose mail
   waits cannot help it. *o says why. */
int login_begin(login const *g, session *s, outcome *o);

#endif
