/* Servers in both of inetd's modes. nowait: fd 0 and fd 1 are one client. wait
   (-w): fd 0 is a listening socket; accept, count, fork, serve, exit. */
#ifndef SERVE_H
#define SERVE_H

#include <sys/types.h>

/* Who is served. Strings are "" when unknown. */
typedef struct serve_peer {
  int unix_socket;          /* else TCP, or nothing known at all */
  char ip[46], localip[46]; /* v4-mapped addresses are shown as v4 */
  unsigned port, localport;
  pid_t pid; /* unix sockets: SO_PEERCRED, else -1s */
  uid_t uid;
  gid_t gid;
} serve_peer;

/* Options that every server takes: pass these characters on to subgetopt and
   what they bring to serve_option().
     -w        wait mode
     -d FD     write a newline to FD when ready, then close it
     -c N      at most N clients at once (default 400)
     -C N      at most N of one address (IPv6: of one /64; default 40;
               not for unix sockets)
     -U U,U…   unix sockets: only these peer uids, numbers or names */
#define SERVE_OPTIONS "wd:c:C:U:"
#define SERVE_USAGE "[ -w ] [ -d fd ] [ -c max ] [ -C maxip ] [ -U uid,… ]"

#define SERVE_UIDS 64 /* most in a -U list */

typedef struct serve {
  int wait;
  int ready; /* fd or -1 */
  unsigned max, maxip;
  unsigned nuids; /* 0: everybody */
  uid_t uids[SERVE_UIDS];
  char const *refusal; /* sent to a client over the limits, may be 0 */
  void *data;
  /* unix sockets: a child whose client() returned 0 may serve another client,
     because nothing of the first is left in it */
  int again;
  /* before each client: reopen tables that changed; may be 0 */
  void (*refresh)(void *data);
  /* fd 0 and fd 1 are the client. Returns the exit code. */
  int (*client)(serve_peer const *peer, void *data);
} serve;

#define SERVE_ZERO                                                             \
  {                                                                            \
    .ready = -1, .max = 400, .maxip = 40                                       \
  }

/* 1 if the option was one of ours, 0 if not; dies (100) on a bad value. */
int serve_option(serve *s, int opt, char const *arg);

/* Runs until SIGTERM (wait: passes TERM on and waits up to 60 s for the
   children) or the end of the one client. Returns the exit code. */
int serve_run(serve *s);

/* For a server with a loop of its own: dies (100) unless fd is a listening
   socket, as that option wants, and makes it nonblocking; whether that user may
   connect (refusals are logged); the newline to the -d descriptor. */
void serve_listening(int fd, char const *option);
int serve_allowed(serve const *s, uid_t uid);
void serve_ready(serve *s);

#endif
