/* Servers in both of inetd's modes. nowait: fd 0 and fd 1 are one client. wait
   (-w): fd 0 is a listening socket; accept, count, fork, serve, exit. */
#ifndef SERVE_H
#define SERVE_H

#include <stdint.h>
#include <sys/types.h>

#include "buckets.h"
#include "net.h"

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

/* Servers that strangers reach take these, too:
     -N N      at most N of one network (IPv4 /24, IPv6 /48; default 100,
               and never fewer than of one address)
     -F W=V,…  ip=N/S net=N/S all=N/S: so many connections in so many seconds
               of an address, of a network, and in all (default: any number);
               wait=S: those that are too fast wait for at most so long before
               they are refused (default 5); ip6=BITS net4=BITS net6=BITS: what
               an address and a network are (default 64, 24, 48)
     -P N,N…   a PROXY header comes first, from these networks only */
#define SERVE_DOOR_OPTIONS "N:F:P:"
#define SERVE_DOOR_USAGE "[ -N maxnet ] [ -F word=value,… ] [ -P network,… ]"

#define SERVE_UIDS 64 /* most in a -U list */

typedef struct serve {
  int wait;
  int ready; /* fd or -1 */
  unsigned max, maxip, maxnet;
  bucket_rate ip, net, all;
  unsigned wait_s;
  unsigned ip6, net4, net6; /* bits */
  net_list proxies;         /* empty: no header is read */
  unsigned nuids;           /* 0: everybody */
  uid_t uids[SERVE_UIDS];
  char const *refusal;  /* sent to one that is too many, may be 0 */
  char const *too_fast; /* to one over the rates; may be 0 */
  void *data;
  /* A child whose client() returned 0 may serve another client, because nothing
     of the first is left in it: of a unix socket any, of TCP one of the same
     address, so that no stranger meets what another one left; not behind -P.
     client() may set it to 0 for its own process. */
  int again;
  /* before each client: reopen tables that changed; may be 0 */
  void (*refresh)(void *data);
  /* fd 0 and fd 1 are the client. Returns the exit code. */
  int (*client)(serve_peer const *peer, void *data);
} serve;

#define SERVE_ZERO                                                             \
  {                                                                            \
    .ready = -1, .max = 400, .maxip = 40, .maxnet = 100, .wait_s = 5,          \
    .ip6 = 64, .net4 = 24, .net6 = 48                                          \
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
