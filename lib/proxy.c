#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <skalibs/types.h>

#include "proxy.h"

static char const signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static int bad(void)
{
  return errno = EPROTO, -1;
}

static void end_set(struct sockaddr_storage *sa, int family, void const *ip,
                    unsigned port)
{
  memset(sa, 0, sizeof *sa);
  sa->ss_family = (sa_family_t)family;
  if (family == AF_INET) {
    struct sockaddr_in *four = (struct sockaddr_in *)sa;
    memcpy(&four->sin_addr, ip, 4);
    four->sin_port = htons((uint16_t)port);
  } else {
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)sa;
    memcpy(&six->sin6_addr, ip, 16);
    six->sin6_port = htons((uint16_t)port);
  }
}

/* Decimal, without a sign or zeros before it */
static int port(char const *s, unsigned *n)
{
  if (!*s || s[strspn(s, "0123456789")] || strlen(s) > 5) return 0;
  if (*s == '0' && s[1]) return 0;
  return uint0_scan(s, n) && *n <= 65535;
}

/* "TCP4 FROM TO PORT PORT" cut at its blanks */
static int words(char **w, proxy_ends *e)
{
  int family = !strcmp(w[0], "TCP4")   ? AF_INET
               : !strcmp(w[0], "TCP6") ? AF_INET6
                                       : 0;
  unsigned char from[16], to[16];
  unsigned fromport, toport;
  if (!family || inet_pton(family, w[1], from) != 1 ||
      inet_pton(family, w[2], to) != 1 || !port(w[3], &fromport) ||
      !port(w[4], &toport))
    return bad();
  end_set(&e->from, family, from, fromport);
  end_set(&e->to, family, to, toport);
  return 1;
}

int proxy_line(char const *s, size_t len, proxy_ends *e)
{
  char line[PROXY_V1 + 1], *w[5], *p;
  unsigned n = 0;
  if (len < 8 || len > PROXY_V1 || memcmp(s, "PROXY ", 6) ||
      memcmp(s + len - 2, "\r\n", 2))
    return bad();
  len -= 8;
  memcpy(line, s + 6, len);
  line[len] = 0;
  /* What stands behind it is to be ignored. */
  if (!strcmp(line, "UNKNOWN") || !strncmp(line, "UNKNOWN ", 8)) return 0;
  if (strlen(line) != len) return bad();
  for (p = line; n < 5; p++) {
    w[n++] = p;
    p = strchr(p, ' ');
    if (!p) break;
    *p = 0;
  }
  return n == 5 && !p ? words(w, e) : bad();
}

static unsigned two(unsigned char const *p)
{
  return (unsigned)p[0] << 8 | p[1];
}

int proxy_block(unsigned char const *head, unsigned char const *block, size_t n,
                proxy_ends *e)
{
  unsigned command = head[12] & 15, what = head[13];
  int family = what == 0x11 ? AF_INET : AF_INET6;
  size_t len = family == AF_INET ? 4 : 16;
  if (memcmp(head, signature, sizeof signature) || head[12] >> 4 != 2 ||
      command > 1)
    return bad();
  if (command == 0) return 0;
  if (what == 0x00 || what == 0x31) return 0; /* unspecified; unix stream */
  if ((what != 0x11 && what != 0x21) || n < 2 * len + 4) return bad();
  end_set(&e->from, family, block, two(block + 2 * len));
  end_set(&e->to, family, block + len, two(block + 2 * len + 2));
  return 1;
}

/* The client's first bytes may be TLS, for which another process reads. */
static int read_line(int fd, char *s, size_t n, proxy_ends *e, io_time deadline)
{
  do {
    if (n == PROXY_V1) return bad();
    if (io_read_all(fd, s + n, 1, deadline) < 0) return -1;
  } while (s[n++] != '\n');
  return proxy_line(s, n, e);
}

static int read_block(int fd, unsigned char const *head, proxy_ends *e,
                      io_time deadline)
{
  unsigned char block[PROXY_BLOCK], rest[512];
  size_t len = two(head + 14), n = len < sizeof block ? len : sizeof block;
  if (io_read_all(fd, block, n, deadline) < 0) return -1;
  for (len -= n; len;) {
    size_t some = len < sizeof rest ? len : sizeof rest;
    if (io_read_all(fd, rest, some, deadline) < 0) return -1;
    len -= some;
  }
  return proxy_block(head, block, n, e);
}

/* No header has fewer bytes than version 2's signature. One that cannot become
   a header is not waited for. */
int proxy_read(int fd, proxy_ends *e, io_time deadline)
{
  unsigned char head[PROXY_V1];
  for (size_t n = 0; n < sizeof signature; n++) {
    if (io_read_all(fd, head + n, 1, deadline) < 0) return -1;
    if (n < 6 ? memcmp(head, "PROXY ", n + 1) && memcmp(head, signature, n + 1)
              : *head != 'P' && memcmp(head, signature, n + 1))
      return bad();
    if (head[n] == '\n' && *head == 'P') return bad();
  }
  if (*head == 'P')
    return read_line(fd, (char *)head, sizeof signature, e, deadline);
  if (io_read_all(fd, head + sizeof signature, PROXY_V2 - sizeof signature,
                  deadline) < 0)
    return -1;
  return read_block(fd, head, e, deadline);
}
