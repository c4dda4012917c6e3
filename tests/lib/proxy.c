/* needs: */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy.h"
#include "mutate.h"
#include "tap.h"

#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define A4 "\300\0\2\1\300\0\2\2\1\2\3\4" /* 192.0.2.1:258 192.0.2.2:772 */

typedef struct sample {
  char const *what, *s;
  size_t len;
  int r; /* what proxy_read returns */
  char const *from;
  unsigned port;
} sample;

#define S(what, text, r, from, port)                                           \
  {                                                                            \
    what, text, sizeof(text) - 1, r, from, port                                \
  }

static char const padded[] = SIG
    "\x21\x11\1\4" A4 /* 12 bytes, then a TLV of 248 */
    "\4\0\365________________________________________________________________"
    "________________________________________________________________________"
    "________________________________________________________________________"
    "_____________________________________";

static sample const samples[] = {
    S("v1 TCP4", "PROXY TCP4 192.0.2.1 192.0.2.2 258 25\r\n", 1, "192.0.2.1",
      258),
    S("v1 TCP6", "PROXY TCP6 2001:db8::1 2001:db8::2 65535 0\r\n", 1,
      "2001:db8::1", 65535),
    S("v1, the longest",
      "PROXY TCP6 ffff:f...f:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 1 1"
      "\r\n",
      -1, "", 0),
    S("v1 UNKNOWN", "PROXY UNKNOWN\r\n", 0, "", 0),
    S("v1 UNKNOWN, words behind it",
      "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
      0, "", 0),
    S("v1, 108 bytes",
      "PROXY UNKNOWN 123456789 123456789 123456789 123456789 123456789 "
      "123456789 123456789 123456789 123456789 12\r\n",
      -1, "", 0),
    S("v1 UDP", "PROXY UDP4 192.0.2.1 192.0.2.2 1 25\r\n", -1, "", 0),
    S("v1, a word too few", "PROXY TCP4 192.0.2.1 192.0.2.2 25\r\n", -1, "", 0),
    S("v1, a word too many", "PROXY TCP4 192.0.2.1 192.0.2.2 1 25 1\r\n", -1,
      "", 0),
    S("v1, two blanks", "PROXY TCP4  192.0.2.1 192.0.2.2 1 25\r\n", -1, "", 0),
    S("v1, port 65536", "PROXY TCP4 192.0.2.1 192.0.2.2 65536 25\r\n", -1, "",
      0),
    S("v1, port 025", "PROXY TCP4 192.0.2.1 192.0.2.2 1 025\r\n", -1, "", 0),
    S("v1, port +1", "PROXY TCP4 192.0.2.1 192.0.2.2 +1 25\r\n", -1, "", 0),
    S("v1, IPv6 as TCP4", "PROXY TCP4 ::1 ::1 1 25\r\n", -1, "", 0),
    S("v1, IPv4 as TCP6", "PROXY TCP6 1.2.3.4 ::1 1 25\r\n", -1, "", 0),
    S("v1, LF alone", "PROXY TCP4 192.0.2.1 192.0.2.2 1 25\n", -1, "", 0),
    S("v1, a NUL", "PROXY TCP4 192.0.2.1\0 192.0.2.2 1 25\r\n", -1, "", 0),
    S("v1, lower case", "proxy TCP4 192.0.2.1 192.0.2.2 1 25\r\n", -1, "", 0),
    S("v2 TCP4", SIG "\x21\x11\0\14" A4, 1, "192.0.2.1", 258),
    S("v2 TCP6",
      SIG "\x21\x21\0\44 \1\r\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
          " \1\r\xb8\0\0\0\0\0\0\0\0\0\0\0\2\1\2\3\4",
      1, "2001:db8::1", 258),
    {"v2, a TLV beyond what is kept", padded, sizeof padded - 1, 1, "192.0.2.1",
     258},
    S("v2, a small TLV", SIG "\x21\x11\0\20" A4 "\4\0\1x", 1, "192.0.2.1", 258),
    S("v2 LOCAL", SIG "\x20\0\0\0", 0, "", 0),
    S("v2 LOCAL with an address", SIG "\x20\x11\0\14" A4, 0, "", 0),
    S("v2 UNSPEC", SIG "\x21\0\0\4abcd", 0, "", 0),
    S("v2 of a unix socket", SIG "\x21\x31\0\4abcd", 0, "", 0),
    S("v2 UDP", SIG "\x21\x12\0\14" A4, -1, "", 0),
    S("v2, a short block", SIG "\x21\x11\0\13\1\2\3\4\5\6\7\10\1\2\3", -1, "",
      0),
    S("v2, IPv6 in an IPv4 block", SIG "\x21\x21\0\14" A4, -1, "", 0),
    S("v2, command 2", SIG "\x22\x11\0\14" A4, -1, "", 0),
    S("version 3", SIG "\x31\x11\0\14" A4, -1, "", 0),
    S("SMTP", "EHLO client.test\r\n", -1, "", 0),
    S("TLS", "\x16\3\1\2\0\1\0\1\xfc\3\3abcdef", -1, "", 0),
};
#define N (sizeof samples / sizeof *samples)

static int address(proxy_ends const *e, char *ip)
{
  struct sockaddr_storage const *a = &e->from;
  if (a->ss_family == AF_INET) {
    inet_ntop(AF_INET, &((struct sockaddr_in const *)a)->sin_addr, ip, 46);
    return ntohs(((struct sockaddr_in const *)a)->sin_port);
  }
  inet_ntop(AF_INET6, &((struct sockaddr_in6 const *)a)->sin6_addr, ip, 46);
  return ntohs(((struct sockaddr_in6 const *)a)->sin6_port);
}

/* s and then "NEXT", cut at one place, or dripping. What is left must be
   "NEXT" after a header that was good. */
static int feed(char const *s, size_t len, size_t cut, int drip, proxy_ends *e,
                char *left, int *error)
{
  int p[2], r;
  ssize_t n;
  pid_t pid;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) < 0) exit(111);
  pid = cut || drip ? fork() : 0;
  if (pid == 0) {
    if (!drip) {
      if (send(p[1], s, cut ? cut : len, MSG_NOSIGNAL) < 0) exit(111);
      if (cut) send(p[1], s + cut, len - cut, MSG_NOSIGNAL);
    }
    for (size_t i = 0; drip && i < len; i++)
      if (send(p[1], s + i, 1, MSG_NOSIGNAL) < 0) break;
    send(p[1], "NEXT", 4, MSG_NOSIGNAL);
    if (cut || drip) _exit(0);
  }
  close(p[1]);
  r = proxy_read(p[0], e, io_after(20000));
  *error = errno;
  n = r < 0 ? 0 : read(p[0], left, 4);
  for (ssize_t more; n > 0 && n < 4; n += more)
    if ((more = read(p[0], left + n, 4 - (size_t)n)) <= 0) break;
  left[n > 0 ? n : 0] = 0;
  close(p[0]);
  return r;
}

static void one(sample const *s)
{
  char ip[46] = "", left[8];
  proxy_ends e;
  int error, good = 1;
  int r = feed(s->s, s->len, 0, 0, &e, left, &error);
  is_int(r, s->r, s->what);
  if (r < 0) {
    is_int(error, EPROTO, "is no header");
    return;
  }
  is_str(left, "NEXT", "and what follows is left");
  if (r > 0) {
    is_int(address(&e, ip), s->port, "the port");
    is_str(ip, s->from, "the address");
  }
  for (size_t cut = 1; cut < s->len; cut++)
    good &= feed(s->s, s->len, cut, 0, &e, left, &error) == s->r &&
            !strcmp(left, "NEXT");
  ok(good, "split at any byte");
  ok(feed(s->s, s->len, 0, 1, &e, left, &error) == s->r &&
         !strcmp(left, "NEXT"),
     "dripping");
}

static void deadline(void)
{
  proxy_ends e;
  int p[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) < 0) exit(111);
  if (write(p[1], "PROXY TCP4", 10) != 10) exit(111);
  ok(proxy_read(p[0], &e, io_after(20)) < 0 && errno == ETIMEDOUT,
     "a header that does not end");
  if (write(p[1], "PROXY TCP4", 10) != 10) exit(111);
  close(p[1]);
  ok(proxy_read(p[0], &e, io_after(20000)) < 0 && errno == EPIPE,
     "one that breaks off");
  close(p[0]);
}

/* Any bytes: an answer; a good one has an address of its family; and whoever
   reads has taken what the header says, no more. */
static void mutations(void)
{
  int p[2], sane = 1, results[3] = {0};
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) < 0) exit(111);
  for (int i = 0; i < MUTANTS; i++) {
    sample const *from = samples + mutate_dice(N);
    unsigned char b[1024], rest[1024];
    char ip[46], *s;
    size_t len, used;
    ssize_t left;
    proxy_ends e = {0};
    int r;
    s = mutate(from->s, from->len, BYTES("\r\n 0123:.PTCU\0\1\x11\x20\x21"),
               &len);
    memcpy(b, s, len);
    free(s);
    if (!len) continue; /* who says nothing is waited for */
    if (send(p[1], b, len, 0) != (ssize_t)len) exit(111);
    r = proxy_read(p[0], &e, io_now());
    left = recv(p[0], rest, sizeof rest, MSG_DONTWAIT);
    used = len - (left > 0 ? (size_t)left : 0);
    results[r + 1]++;
    if (r < 0) continue;
    if (*b == 'P')
      sane &= used <= PROXY_V1 && !memcmp(b + used - 2, "\r\n", 2);
    else
      sane &= used == 16U + (b[14] << 8 | b[15]);
    if (r > 0)
      sane &= (e.from.ss_family == AF_INET || e.from.ss_family == AF_INET6) &&
              e.from.ss_family == e.to.ss_family && address(&e, ip) >= 0;
  }
  ok(sane, "%d mutations", MUTANTS);
  ok(results[0] && results[1] && results[2], "%d bad, %d local, %d addresses",
     results[0], results[1], results[2]);
}

int main(void)
{
  for (size_t i = 0; i < N; i++) one(samples + i);
  deadline();
  mutations();
  return done();
}
