/* One HTTP/1.1 request at a time to a server that is asked, not browsed (RFC
   9110, 9112): a body goes out with its length, the answer is read within
   bounds, whatever its framing. No redirects, no cookies, no compression. */
#ifndef HTTP_H
#define HTTP_H

#include <skalibs/stralloc.h>

#include "line.h"

#define HTTP_LINE 8192   /* most bytes of a line of the answer's head */
#define HTTP_FIELDS 200  /* most fields of it, and of a trailer */
#define HTTP_URL_MAX 512 /* most bytes of a URL */

typedef struct http_url {
  int tls;
  char host[256]; /* a name or an address; or the path of a unix socket */
  char port[8];   /* "" for a unix socket */
  char path[256]; /* begins with a slash, or is empty */
} http_url;

/* "http://HOST[:PORT][/PATH]", "https://…", "unix:SOCKET": 1 or 0. */
int http_url_scan(http_url *u, char const *s);

typedef struct http {
  int fd; /* -1: not connected */
  line_in in;
  char buf[HTTP_LINE];
} http;

#define HTTP_ZERO                                                              \
  {                                                                            \
    .fd = -1                                                                   \
  }

typedef struct http_answer {
  int status; /* 200 to 599 */
  int keep;   /* the connection may take another request */
  stralloc body;
} http_answer;

/* Connects to u; TLS is begun by tls-connect at socket, and the certificate
   must be valid for the host. 1, or -1 with errno: EACCES for a failed
   handshake. */
int http_open(http *h, http_url const *u, char const *socket, io_time deadline);

/* Whether the connection of before is open and has nothing to say. */
int http_idle(http const *h);

/* Appends "name: value" to a request's head. Bytes of value that could end a
   line or hide in one are shown as '?' (RFC 9110 5.5). 1 or -1. */
int http_field(stralloc *head, char const *name, char const *value);

/* Reads an answer, with at most max bytes of body. 1; -1 with errno: EPIPE
   for an end inside it, EPROTO for what is no answer, EMSGSIZE for one that
   is too big, ETIMEDOUT. 0: the connection ended before its first byte. */
int http_answer_get(http *h, http_answer *a, size_t max, io_time deadline);

void http_close(http *h);

#endif
