/* What tls-serve and tls-connect have in common: a table that make replaces,
   limits of time, jails, and a relay that is not yet begun. */
#ifndef SERVICE_H
#define SERVICE_H

#include "relay.h"
#include "watched.h"

#define SERVICE_REQUEST_MS 10000 /* for a request, and for its answer */

typedef struct service {
  watched table;
  unsigned handshake_seconds, idle_seconds;
} service;

/* The options -f (table), -T (handshake) and -t (idle), each 1 s to a week: 1;
   0: another option, or a bad value. */
#define SERVICE_OPTIONS "f:T:t:"
int service_option(service *s, int opt, char const *arg);

/* serve.refresh; data is the service. */
void service_refresh(void *data);

/* No file any more, no fork: before the first byte of a stranger. Dies. */
void service_confine(void);

/* The accepting parent opens the table again, and other if it is not 0, and
   forks; nothing else. Dies. */
void service_confine_parent(service const *s, char const *other);

/* The end of a handshake that begins now. */
io_time service_handshake(service const *s);

/* net: the stranger; in, out: plaintext. */
relay service_relay(service const *s, int net, int in, int out);

/* Whether fd is a stream socket, as what a client sends us must be. */
int service_is_stream(int fd);

#endif
