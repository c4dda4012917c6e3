/* One SMTP session (RFC 5321), a submission (RFC 6409) or LMTP (RFC 2033)
   one. The modes differ in their tables alone. */
#ifndef SESSION_H
#define SESSION_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "auth.h"
#include "dots.h"
#include "dsn-param.h"
#include "fresh-table.h"
#include "io.h"
#include "line.h"
#include "rates.h"
#include "route.h"
#include "serve.h"
#include "submission.h"
#include "tls.h"
#include "watch.h"
#include "way.h"

#define SESSION_INPUT 65536
#define SESSION_REPLIES 4096
#define SESSION_HELO 255
#define SESSION_LINE 512        /* RFC 5321 4.5.3.1.4, with CRLF */
#define SESSION_LINE_PATH 2048  /* MAIL and RCPT with their extensions */
#define SESSION_LINE_AUTH 12288 /* RFC 4954 4 */
#define SESSION_WAY_MS 30000    /* to connect to the way in */

struct session;

/* At which the sink is asked before DATA (record ?). */
enum { STAGE_CONNECT = 1, STAGE_SENDER = 2, STAGE_RCPT = 4 };

/* How much of its parcel has been put. */
enum { OPENING_NONE, OPENING_FACTS, OPENING_FROM, OPENING_TO };

typedef struct command {
  char const *name;
  void (*run)(struct session *s, char *arg);
  size_t line; /* most bytes of its line */
  int bare;    /* takes no argument */
} command;

typedef struct mode {
  char const *protocol;    /* in the greeting */
  command const *commands; /* ends with a null name */
  int lmtp;                /* a reply for each recipient */
  int authenticated;       /* MAIL needs AUTH before it */
  int relays;              /* takes mail for other domains */
  int completes;           /* adds Date and Message-ID (RFC 6409 8) */
} mode;

extern mode const mode_smtp, mode_submission, mode_lmtp;

typedef struct options {
  mode const *mode;
  char const *me;
  char const *socket;      /* the way in, or */
  char const *const *prog; /* the pipeline that is one */
  char const *tls_socket, *auth_socket;
  int tls_at_once, auth_in_clear;
  char const *tls_outside; /* version of TLS that the launcher has begun */
  uint64_t size;           /* of a message, bytes */
  unsigned recipients, errors;
  unsigned stages;   /* STAGE_… */
  int at_once;       /* refuses at MAIL, not only at RCPT */
  int lenient;       /* to malformed headers of submissions */
  int show_client;   /* in Received of submissions */
  unsigned received; /* most Received fields of a message */
  uint64_t header;   /* of a message, bytes */
  uint64_t line;     /* most bytes of its lines without CRLF, 0: any */
  int64_t command_ms, block_ms, message_ms;
  int64_t greet_ms;  /* before the greeting, in which nobody speaks */
  int64_t tarpit_ms; /* most before the reply to an error */
  int tls_first;     /* nothing before TLS (RFC 3207 4) */
  int show;          /* the dialogue in the log */
  rates rates;
  fresh_table table;
  int *again; /* set to 0 by a session that did not end as it should */
} options;

typedef struct session {
  options *o;
  serve_peer const *peer;
  io_time deadline; /* of the present command */
  line_in in;
  size_t nreplies;
  int over; /* the session ends */
  int quit; /* because the client said so */
  unsigned errors, refused, idle_commands, auth_failures;
  unsigned punished; /* of errors and refused */
  char id[16];
  unsigned parcels; /* begun so far */

  int extended; /* EHLO or LHLO */
  char helo[SESSION_HELO + 1];
  int tls;
  tls_info tls_info;
  char user[321]; /* "" before AUTH */
  way way;

  /* the transaction */
  int mail; /* after MAIL */
  int utf8, body8, requiretls;
  char const *ret;           /* RFC 3461: FULL, HDRS or 0 */
  char envid[DSN_ENVID + 1]; /* or "" */
  uint64_t size;             /* as MAIL said; 0: it did not */
  stralloc from;             /* the F record */
  stralloc to;               /* T records, each behind its length */
  stralloc only;             /* the first recipient */
  unsigned accepted, targets;
  unsigned numbers; /* that T records have used; some were refused */
  int opening;
  size_t to_put;                  /* bytes of to that are in the parcel */
  char verdict[PARCEL_REPLY + 8]; /* the sink's on connect or sender, or "" */

  /* its message */
  int chunks; /* after the first BDAT */
  char const *refusal;
  uint64_t total;
  char parcel[40];
  dots dots;
  watch watch;
  submission submission;

  char input[SESSION_INPUT];
  char replies[SESSION_REPLIES];
} session;

int session_run(options *o, serve_peer const *peer);

/* session.c: replies are kept until the client has nothing more to say. */
void say(session *s, char const *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void say_error(session *s, char const *text); /* counted */
void say_flush(session *s);
void hang_up(session *s, char const *text); /* the last reply */
/* The next line without its CRLF as a string: 1; 0: told the client why not;
   -1: the session is over. */
int session_line(session *s, char **line, size_t most);
/* More input into s->input: 1, or 0 and the session is over. */
int session_more(session *s, io_time deadline);
void transaction_reset(session *s);

/* commands.c, mail.c, rcpt.c, data.c, login.c */
void cmd_helo(session *s, char *arg);
void cmd_ehlo(session *s, char *arg);
void cmd_mail(session *s, char *arg);
void cmd_rcpt(session *s, char *arg);
void cmd_data(session *s, char *arg);
void cmd_bdat(session *s, char *arg);
void cmd_auth(session *s, char *arg);
void cmd_starttls(session *s, char *arg);
int session_tls(session *s);

#endif
