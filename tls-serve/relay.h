/* Bytes through an engine: records on one side, plaintext on the other. */
#ifndef RELAY_H
#define RELAY_H

#include <bearssl.h>

#include "io.h"

typedef struct relay {
  br_ssl_engine_context *engine;
  int net;         /* a stream socket; closed by the caller */
  int in, out;     /* plaintext to send, received plaintext; may be the same */
  int64_t idle_ms; /* most time without any progress */
  int stay;        /* the end of in does not end the connection: a client that
                      still listens. Else close_notify is sent (RFC 5246 7.2.1:
                      there is no half-closed TLS) */
} relay;

/* 1; 0: failed, see br_ssl_engine_last_error (BR_ERR_OK: the peer went away);
   -1: errno, ETIMEDOUT. What had to be said to the peer has been said. */
int relay_handshake(relay *r, io_time deadline);

/* Both ways until it is over. 1: closed by close_notify on one of the sides;
   0: the peer's end came without (truncation, RFC 5246 7.2.1); -1: errno
   ETIMEDOUT, ECONNRESET, EPROTO (TLS error), EINTR (SIGTERM and its grace). */
int relay_run(relay *r);

/* SIGTERM gives a running relay 10 seconds more. */
void relay_signals(void);

#endif
