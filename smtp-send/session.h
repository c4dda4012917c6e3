/* An SMTP connection as a client (RFC 5321): greeting, EHLO, STARTTLS, and
   commands with their replies. */
#ifndef SESSION_H
#define SESSION_H

#include <stddef.h>

#include "io.h"
#include "line.h"
#include "mx.h"
#include "outcome.h"
#include "reply.h"
#include "source.h"
#include "tls.h"
#include "tls-policy.h"

/* Time limits in seconds, RFC 5321 4.5.3.2; all is for one letter, against
   peers that are slow in everything. */
typedef struct limits {
  unsigned connect, greeting, helo, mail, rcpt, data, block, dot, tls, all;
} limits;
#define LIMITS_DEFAULT                                                         \
  {                                                                            \
    .connect = 30, .greeting = 300, .helo = 300, .mail = 300, .rcpt = 300,     \
    .data = 120, .block = 180, .dot = 600, .tls = 60, .all = 1500              \
  }

enum {
  CAN_PIPELINING = 1,
  CAN_SIZE = 2,
  CAN_8BITMIME = 4,
  CAN_SMTPUTF8 = 8,
  CAN_STARTTLS = 16,
  CAN_DSN = 32,
  CAN_REQUIRETLS = 64,
  CAN_CHUNKING = 128,
  CAN_AUTH_PLAIN = 256,
  CAN_AUTH_LOGIN = 512
};

/* What TLS to a host must be like. */
typedef struct tls_need {
  int level;      /* TLS_NONE: in the clear if it cannot be had (RFC 7435) */
  int requiretls; /* the host must offer REQUIRETLS */
  int final;      /* only the sender wants it: failures are permanent */
  int relaxed;    /* less than a letter without TLS-Required: No wants */
  char const *policy; /* for the log: "dane", "sts", "local", "none" … */
  char const *verify; /* the certificate decides, and how; or 0 */
  char who[300];      /* requires it, for people */
  char hint[300];     /* what in policies(5) would allow less, or "" */
  stralloc options;   /* for tls-connect(8) */
} tls_need;

#define SESSION_IN 4096
#define SESSION_OUT 69632 /* a piece of a message with its dots doubled */

typedef struct session {
  int fd; /* -1: closed */
  line_in in;
  char inbuf[SESSION_IN];
  char out[SESSION_OUT];
  size_t outlen;
  unsigned can;
  unsigned long long maxsize; /* SIZE of the peer, 0: not told */
  unsigned rcptmax, mailmax;  /* its LIMITS (RFC 9422), 0: not told */
  char host[MX_NAME], ip[46];
  int encrypted;
  int verified;       /* encrypted, and the certificate is as it must be */
  int relaxed;        /* begun for a letter that wanted no policy */
  char const *policy; /* of its need */
  tls_info tls;
  unsigned transactions;
  int dirty;        /* an unfinished transaction: RSET first */
  io_time deadline; /* of the letter */
  limits const *limits;
  source own;
  int raced;    /* the other address was tried to its end */
  int lmtp;     /* RFC 2033 is spoken */
  int implicit; /* TLS comes before the greeting (RFC 8314 3.3) */
  int stranger; /* found by DNS: it must not be ourselves */
  char const *tls_socket;
  int secret;       /* the next flush is not to be shown */
  char const *show; /* the dialogue is logged, with this id; or 0 */
} session;

/* Connects to a or, if that is quicker, to b (or 0), and greets until commands
   may be sent. 1; 0: not this host, *o says why. What the need wants and the
   host lacks is a temporary failure, so that no mail is lost by a host in
   disorder; but what the sender alone wants is a permanent one (RFC 8689
   4.2.1). */
int session_open(session *s, char const *host, mx_address const *a,
                 mx_address const *b, char const *port, tls_need const *need,
                 outcome *o);

/* The same at a unix socket, without TLS. */
int session_open_unix(session *s, char const *path, outcome *o);

/* QUIT, without waiting for the answer, if nothing is left unread. */
void session_quit(session *s);
void session_close(session *s);

/* Appends to what will be sent. A command that would not fit is a bug of the
   caller's: commands are bounded. */
__attribute__((format(printf, 2, 3))) void session_put(session *s,
                                                       char const *fmt, ...);

/* Lines that are sent, in the log if they are wanted there. */
void session_show(session const *s, char const *lines, size_t len);

/* So many seconds from now, but not beyond the letter's deadline. */
io_time session_until(session const *s, unsigned seconds);

/* Whether the peer has said what nobody has asked for, or has gone, when
   nothing is awaited: no later reply could be told from it. */
int session_early(session const *s);

/* A command that was put, and its reply: 1, or 0 and *o */
int session_ask(session *s, reply *r, char const *what, outcome *o);

/* 1 or -1 with errno. */
int session_flush(session *s, unsigned seconds);
int session_reply(session *s, reply *r, unsigned seconds);

#endif
