#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <skalibs/types.h>

#include "net.h"

static unsigned char const mapped[12] = {[10] = 0xff, [11] = 0xff};

int net_key(unsigned char *key, char const *ip)
{
  memset(key, 0, NET_KEY);
  if (inet_pton(AF_INET, ip, key + 12) == 1) {
    memcpy(key, mapped, sizeof mapped);
    return 1;
  }
  return inet_pton(AF_INET6, ip, key) == 1;
}

int net_key_socket(unsigned char *key, struct sockaddr_storage const *sa)
{
  memset(key, 0, NET_KEY);
  if (sa->ss_family == AF_INET) {
    memcpy(key, mapped, sizeof mapped);
    memcpy(key + 12, &((struct sockaddr_in const *)sa)->sin_addr, 4);
  } else if (sa->ss_family == AF_INET6)
    memcpy(key, &((struct sockaddr_in6 const *)sa)->sin6_addr, 16);
  else
    return 0;
  return 1;
}

static int is_v4(unsigned char const *key)
{
  return !memcmp(key, mapped, sizeof mapped);
}

static void keep(unsigned char *key, unsigned bits)
{
  for (unsigned i = 0; i < NET_KEY; i++) {
    unsigned left = bits > 8 * i ? bits - 8 * i : 0;
    if (left < 8) key[i] &= (unsigned char)(0xff00U >> left);
  }
}

void net_mask(unsigned char *key, unsigned v4, unsigned v6)
{
  keep(key, is_v4(key) ? 96 + v4 : v6);
}

/* One of them, of len bytes */
static int add(net_list *l, char const *s, size_t len)
{
  char text[64], *slash;
  net_block *n = l->v + l->n;
  unsigned most, bits;
  if (len >= sizeof text || l->n == NET_LIST) return 0;
  memcpy(text, s, len);
  text[len] = 0;
  slash = strchr(text, '/');
  if (slash) *slash++ = 0;
  if (!net_key(n->key, text)) return 0;
  bits = most = strchr(text, ':') ? 128 : 32;
  if (slash && (!uint0_scan(slash, &bits) || bits > most)) return 0;
  n->bits = bits + 128 - most;
  keep(n->key, n->bits);
  l->n++;
  return 1;
}

int net_list_scan(net_list *l, char const *s)
{
  for (;;) {
    size_t len = strcspn(s, ",");
    if (!add(l, s, len)) return 0;
    if (!s[len]) return 1;
    s += len + 1;
  }
}

int net_list_has(net_list const *l, unsigned char const *key)
{
  for (unsigned i = 0; i < l->n; i++) {
    unsigned char k[NET_KEY];
    memcpy(k, key, sizeof k);
    keep(k, l->v[i].bits);
    if (!memcmp(k, l->v[i].key, sizeof k)) return 1;
  }
  return 0;
}
