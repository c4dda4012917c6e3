/* IMAP before login: what imap-login's files share. */
#ifndef LOGIN_H
#define LOGIN_H

#include "auth.h"
#include "io.h"
#include "line.h"
#include "serve.h"

#define LOGIN_LINE 8192    /* bytes of a command line */
#define LOGIN_LITERAL 4096 /* of a literal */
#define LOGIN_TAG 64
#define LOGIN_WORDS 8192 /* of all arguments of a command */
#define LOGIN_ARGS 64    /* RFC 2971: ID has at most 30 pairs */

typedef struct login_options {
  char const *tls_socket, *auth_socket, *imap_socket;
  int tls_at_once;   /* port 993 */
  int auth_in_clear; /* -p */
  int64_t idle_ms, whole_ms, delay_ms;
  unsigned failures, errors; /* most of them before BYE */
} login_options;

/* A command, its arguments unquoted and NUL-terminated in words. A
   parenthesis is an argument of its own with mark set. */
typedef struct login_command {
  char tag[LOGIN_TAG + 1];
  char name[32]; /* upper case */
  char *args[LOGIN_ARGS];
  char marks[LOGIN_ARGS];
  unsigned n;
  size_t used;
  char words[LOGIN_WORDS];
} login_command;

typedef struct login {
  login_options const *o;
  serve_peer const *peer;
  line_in in;
  io_time end; /* of the whole session */
  int tls, over, code;
  unsigned failures, errors;
  char tls_version[16];
  login_command command;
  auth_client auth;
  auth_answer answer;
  char input[LOGIN_LINE + 2];
} login;

/* Until when the next bytes must have come. */
io_time login_deadline(login const *l);

/* A line to the client; one that takes nothing ends the session. */
__attribute__((format(printf, 2, 3))) void login_say(login *l, char const *fmt,
                                                     ...);
void login_bye(login *l, char const *text, int code);

/* The next command into l->command: 1; 0: it was none, the client has been
   told; -1: the session is over. */
int login_read(login *l);

/* A line without its end, NUL-terminated: as login_read, 0 for NULs in it or
   too long. */
int login_line(login *l, char **s);

/* Forgets what has been read: there may be a password in it. */
void login_wipe(login *l);

/* LOGIN and AUTHENTICATE. */
void login_login(login *l);
void login_authenticate(login *l);

/* Copies between fd 0 and 1, the client, and fd until both are at their end:
   where UCSPI-TLS reads and writes by two pipes, one of which would not do for
   imap-serve. */
void login_relay(int fd);

/* Gives the client to imap-serve: 1 taken, 0 refused, -1 nobody knows. */
int login_hand_over(login *l);

/* The session: exit code. */
int login_run(login_options const *o, serve_peer const *peer);

#endif
