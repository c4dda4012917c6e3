#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include "ip.h"

typedef struct network {
  unsigned char start[4], bits;
  enum ip_kind kind;
} network;

unsigned ip_bytes(unsigned char b[16], char const *ip)
{
  static unsigned char const mapped[12] = {[10] = 255, [11] = 255};
  if (inet_pton(AF_INET, ip, b) == 1) return 4;
  if (inet_pton(AF_INET6, ip, b) != 1) return 0;
  if (memcmp(b, mapped, sizeof mapped)) return 16;
  memmove(b, b + 12, 4);
  return 4;
}

static int within(unsigned char const *b, network const *n)
{
  unsigned whole = n->bits / 8, rest = n->bits % 8;
  if (memcmp(b, n->start, whole)) return 0;
  return !rest || !((b[whole] ^ n->start[whole]) >> (8 - rest));
}

static enum ip_kind among(unsigned char const *b, network const *v, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    if (within(b, v + i)) return v[i].kind;
  return IP_PUBLIC;
}

/* Of the first 96 bits none is set: ::, ::1 and what RFC 4291 2.5.5.1 left. */
static int low(unsigned char const *b)
{
  for (unsigned i = 0; i < 12; i++)
    if (b[i]) return 0;
  return 1;
}

/* RFC 6890 and the registries that it made */
enum ip_kind ip_kind(char const *ip)
{
  static network const four[] = {
      {{0}, 8, IP_SPECIAL},         {{127}, 8, IP_SPECIAL},
      {{169, 254}, 16, IP_SPECIAL}, {{224}, 3, IP_SPECIAL},
      {{10}, 8, IP_PRIVATE},        {{100, 64}, 10, IP_PRIVATE},
      {{172, 16}, 12, IP_PRIVATE},  {{192, 168}, 16, IP_PRIVATE}};
  static network const six[] = {{{0xfe, 0x80}, 10, IP_SPECIAL},
                                {{0xff}, 8, IP_SPECIAL},
                                {{1}, 16, IP_SPECIAL},
                                {{0xfc}, 7, IP_PRIVATE}};
  unsigned char b[16];
  switch (ip_bytes(b, ip)) {
  case 4: return among(b, four, sizeof four / sizeof *four);
  case 16: return low(b) ? IP_SPECIAL : among(b, six, sizeof six / sizeof *six);
  default: return IP_NONE;
  }
}

int ip_network(char to[IP_NETWORK], char const *ip, unsigned bits4,
               unsigned bits6)
{
  unsigned char b[16];
  char text[INET6_ADDRSTRLEN];
  unsigned n = ip_bytes(b, ip), bits = n == 4 ? bits4 : bits6;
  if (!n || bits > 8 * n) return 0;
  for (unsigned i = bits / 8; i < n; i++)
    b[i] &= i == bits / 8 ? (unsigned char)(0xff00 >> bits % 8) : 0;
  inet_ntop(n == 4 ? AF_INET : AF_INET6, b, text, sizeof text);
  snprintf(to, IP_NETWORK, "%s/%u", text, bits);
  return 1;
}

int ip_loopback(char const *ip)
{
  static unsigned char const one[16] = {[15] = 1};
  unsigned char b[16];
  unsigned n = ip_bytes(b, ip);
  return n == 4 ? *b == 127 : n && !memcmp(b, one, sizeof one);
}
