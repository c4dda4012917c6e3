/* The mail server's side of the milter protocol, version 6 and down to 2: what
   a milter is told of a mail, step by step, and what it says. */
#ifndef MILTER_H
#define MILTER_H

#include <stdint.h>

#include "filter.h"
#include "view.h"

#define MILTER_CHUNK 65535  /* most bytes of body in one packet */
#define MILTER_ANSWER 70000 /* most bytes of one from a milter */
#define MILTER_CHANGES 1000 /* most packets before the last answer */

/* What it may want to do (SMFIF_…). */
enum {
  MILTER_ADD = 0x1,
  MILTER_CHANGE = 0x10,
  MILTER_QUARANTINE = 0x20,
  MILTER_KEPT = 0x31, /* the three above */
  /* body, recipients, sender: what no parcel filter does */
  MILTER_NOT_KEPT = 0xce
};

/* What it does not want to hear, and need not answer (SMFIP_…). */
enum {
  MILTER_NOCONNECT = 0x1,
  MILTER_NOHELO = 0x2,
  MILTER_NOMAIL = 0x4,
  MILTER_NORCPT = 0x8,
  MILTER_NOBODY = 0x10,
  MILTER_NOHEADER = 0x20,
  MILTER_NOEOH = 0x40,
  MILTER_NR_HEADER = 0x80,
  MILTER_NODATA = 0x200,
  MILTER_SKIP_BODY = 0x400,
  MILTER_NR_CONNECT = 0x1000,
  MILTER_NR_HELO = 0x2000,
  MILTER_NR_MAIL = 0x4000,
  MILTER_NR_RCPT = 0x8000,
  MILTER_NR_DATA = 0x10000,
  MILTER_NR_EOH = 0x40000,
  MILTER_NR_BODY = 0x80000,
  MILTER_LEADING = 0x100000 /* values of fields come with their first blank */
};

/* How a step went. */
typedef enum milter_answer {
  MILTER_CONTINUE,
  MILTER_ACCEPT,
  MILTER_SKIP,
  MILTER_REJECT,
  MILTER_TEMPFAIL,
  MILTER_DISCARD,
  MILTER_REPLY, /* m->reply; m->reply_action says whether it is for good */
  MILTER_FAILED /* m->error says why */
} milter_answer;

/* What an admin may want something done about. */
enum {
  MILTER_ON_REJECT,
  MILTER_ON_TEMPFAIL,
  MILTER_ON_DISCARD,
  MILTER_ON_QUARANTINE,
  MILTER_ON_CHANGE, /* it wants what is not kept */
  MILTER_ON_UNREACHABLE,
  MILTER_ON_TIMEOUT,
  MILTER_ON_BAD_ANSWER,
  MILTER_WORDS
};
extern char const *const milter_words[MILTER_WORDS];

typedef struct milter milter;
struct milter {
  char host[256], port[8]; /* port "": a unix socket */
  uint32_t offered;        /* MILTER_KEPT and, with -a, more */
  unsigned highest;        /* version that is offered */
  unsigned seconds;        /* for an answer */
  unsigned end_seconds;    /* for the one to the end of the message */
  char const *daemon;      /* macro {daemon_name} */
  void (*said)(milter *, char const *step, char const *what); /* may be 0 */

  int fd; /* -1: no session */
  unsigned version;
  uint32_t actions, steps;
  stralloc out; /* packets that wait for milter_flush */
  char *in;     /* MILTER_ANSWER + 1 */

  char reply[PARCEL_REPLY];
  filter_action reply_action;
  int error; /* MILTER_ON_UNREACHABLE and so on */
  char why[200];
  char quarantine[401]; /* the reason, or "" */
  int unkept;           /* it wanted what is not kept */
};

/* "unix:PATH" or "inet:PORT@HOST": 1 or 0. */
int milter_place(milter *m, char const *s);

/* Connects and negotiates: MILTER_CONTINUE or MILTER_FAILED. */
milter_answer milter_open(milter *m);

/* Says goodbye, if there is a session, and ends it. */
void milter_close(milter *m);

/* The steps. f: whose facts and reverse-path they tell. */
milter_answer milter_connect(milter *m, filter const *f);
milter_answer milter_helo(milter *m, filter const *f);
milter_answer milter_mail(milter *m, filter const *f);
milter_answer milter_rcpt(milter *m, filter const *f, parcel_record const *t);
milter_answer milter_data(milter *m, filter const *f);

/* The message of v, which was shown, to its end; what the milter changes goes
   to v. */
milter_answer milter_message(milter *m, filter const *f, view *v);

/* Parts of these. A packet into m->out: 1 or -1. */
int milter_put(milter *m, char command, void const *s, size_t len);
/* Sends what waits: 1 or -1. */
int milter_flush(milter *m, io_time deadline);
/* The next packet: its command, or -1; *s and *len its data, with a NUL
   behind it. */
int milter_get(milter *m, char **s, size_t *len, io_time deadline);
/* Macros for the command that follows: name, value, …, 0; empty ones are left
   out. 1 or -1. */
int milter_macros(milter *m, char command, char const *const *pairs);
/* Sends a command and what waits, and reads the answer unless the milter gives
   none. change: what to do about what comes before it, may be 0. */
typedef int milter_change(milter *m, char command, char *s, size_t len,
                          void *data);
milter_answer milter_ask(milter *m, char const *step, char command,
                         stralloc const *data, uint32_t silent,
                         milter_change *change, void *with);
/* A session that failed: fills in error and why from errno, and ends it. */
milter_answer milter_fail(milter *m, char const *what);

/* A change of the header at the end of the message, as milter_change. */
milter_change milter_change_view;

/* s, "550 5.7.1 text", lines of several as in SMTP, as a reply for a verdict:
   1 or 0 if it is none. */
int milter_reply(milter *m, char const *s);

#endif
