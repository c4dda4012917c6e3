/* The Received field (RFC 5321 4.4, protocol words of RFC 3848 and 6531). */
#ifndef TRACE_H
#define TRACE_H

#include <stddef.h>
#include <time.h>

#define TRACE_MAX 3000

typedef struct trace {
  int hidden;                   /* nothing is said of the client */
  char const *helo, *rdns, *ip; /* "" where unknown */
  char const *me, *id;
  char const *rcpt; /* the only recipient, or 0 */
  char const *tls, *cipher;
  time_t time;
  char proto[16];
} trace;

/* lmtp or smtp, extended (EHLO): fills proto: SMTP, ESMTPSA, UTF8LMTPS … */
void trace_proto(trace *t, int lmtp, int extended, int tls, int auth, int utf8);

/* The whole field with its CRLFs, folded. Returns the length. */
size_t trace_received(char *to, trace const *t);

#endif
