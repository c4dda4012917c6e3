/* The parts of auth-check: connections (connection.c), what clients and
   masters say (protocol.c), requests and their password checks (request.c). */
#ifndef AUTH_CHECK_H
#define AUTH_CHECK_H

#include <poll.h>
#include <sys/types.h>

#include "buckets.h"
#include "io.h"
#include "sasl.h"

#define LINE_SIZE 12288    /* most bytes of a line */
#define OUT_SIZE 8192      /* most bytes that wait for a reader */
#define REQUESTS 512       /* most requests at once */
#define REQUESTS_EACH 64   /* of one connection */
#define PROVED 16          /* successes that a master may still ask about */
#define PROVED_MS 150000   /* for so long */
#define DIALOGUE_MS 150000 /* for all responses of one request */
#define HANDSHAKE_MS 30000 /* for a client's first lines */
#define CHECK_MS 20000     /* for a password check to begin */
#define COOKIE 32          /* characters, hexadecimal */

typedef struct proved {
  unsigned id;
  io_time until;
  char account[ADDR_MAX + 1];
} proved;

typedef struct connection {
  int in, out; /* -1: free */
  int master;
  int version, greeted; /* VERSION, CPID were said */
  int dead;
  unsigned number; /* CUID: never used twice */
  unsigned pid;    /* CPID */
  unsigned requests;
  io_time since, used;
  char cookie[COOKIE + 1];
  proved successes[PROVED];
  unsigned next_success;
  char *buf; /* LINE_SIZE */
  size_t len;
  char *waiting; /* OUT_SIZE */
  size_t waitlen;
} connection;

typedef struct options {
  char const *file;        /* users.cdb */
  char const *guards;      /* file of failures, or 0 */
  bucket_rate ip, account; /* failures before one is blocked */
  unsigned workers;        /* password checks at once */
  unsigned delay_ms;       /* before a first failure is told */
  unsigned connections;    /* most at once */
} options;
extern options opt;

/* connection.c */
int connections_init(unsigned max); /* 1 or -1 */
connection *connection_add(int in, int out, int master);
connection *connection_by_number(unsigned number); /* or 0 */
connection *connection_each(connection *after); /* all in use; 0 at the end */
void connection_say(connection *c, char const *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Poll conditions: fills at most two per connection. */
unsigned connections_poll(struct pollfd *p);
void connections_work(struct pollfd const *p, unsigned n);
void connections_tidy(void); /* closes the dead and the silent */
unsigned connections_count(void);
io_time connections_due(void);

/* protocol.c */
void protocol_greet(connection *c);
void protocol_line(connection *c, char *line);

/* request.c */
int requests_init(void); /* 1 or -1 */
void request_begin(connection *c, unsigned id, int mechanism, char const *ip,
                   char const *response);
void request_continue(connection *c, unsigned id, char const *response);
void request_cancel(connection *c, unsigned id);
void requests_forget(unsigned number); /* of a connection that is gone */
void requests_reap(void);              /* after SIGCHLD */
void requests_work(void);              /* begins checks, tells what is due */
io_time requests_due(void);
void requests_stop(void); /* kills the running checks */

/* users.c: 1 and the key under which the table has it; 0; -1 with errno. hash
   (PASSWORD_HASH bytes) becomes the account's, or that of some account if
   there is none, so that both take as long; may be 0. */
int users_find(char const *name, char *account, char *hash);

#endif
