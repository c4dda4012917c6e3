#include <string.h>

#include "guard.h"

#define KNOWN_S (90 * 86400) /* an address that was right is remembered */
#define DOUBLINGS 4          /* of the delay: sixteen times is the most */

static buckets table;
static bucket_rate ip_rate, account_rate;

int guards_init(char const *path, bucket_rate ip, bucket_rate account)
{
  ip_rate = ip;
  account_rate = account;
  return buckets_open(&table, path);
}

/* The account as tables have it, whether there is one or not. */
static void account(guard *g, char const *name)
{
  stralloc key = STRALLOC_ZERO;
  size_t n = strlen(name);
  if (addr_key(&key, name, n) > 0 && NET_KEY + key.len <= sizeof g->key) {
    name = key.s;
    n = key.len;
  }
  if (n > sizeof g->key - NET_KEY) n = sizeof g->key - NET_KEY;
  memcpy(g->key + NET_KEY, name, n);
  g->len = NET_KEY + n;
  stralloc_free(&key);
}

static bucket_want pair(guard const *g, char kind, bucket_rate rate)
{
  return (bucket_want){kind, g->key, g->len, rate, 1};
}

static unsigned wants(guard const *g, bucket_want *w)
{
  if (g->known) {
    w[0] = pair(g, 'p', account_rate);
    return 1;
  }
  w[0] =
      (bucket_want){'a', g->key + NET_KEY, g->len - NET_KEY, account_rate, 1};
  w[1] = (bucket_want){'i', g->key, NET_KEY, ip_rate, 1};
  return g->addressed ? 2 : 1;
}

int guard_begin(guard *g, char const *ip, char const *name)
{
  bucket_want w[2];
  bucket_want seen;
  int64_t now = buckets_now();
  unsigned char *network = (unsigned char *)g->key;
  *g = (guard){0};
  g->addressed = net_key(network, ip);
  if (g->addressed) net_mask(network, 32, 64);
  account(g, name);
  seen = pair(g, 'k', (bucket_rate){1, KNOWN_S});
  g->known = g->addressed && buckets_marked(&table, &seen, now);
  g->charged = buckets_take(&table, w, wants(g, w), 0, now) == 0;
  return g->charged;
}

void guard_undo(guard *g)
{
  bucket_want w[2];
  unsigned n = wants(g, w);
  for (unsigned i = 0; i < n && g->charged; i++)
    buckets_give(&table, w + i, buckets_now());
  g->charged = 0;
}

void guard_right(guard *g)
{
  bucket_want seen = pair(g, 'k', (bucket_rate){1, KNOWN_S});
  guard_undo(g);
  if (g->addressed) buckets_mark(&table, &seen, buckets_now());
}

unsigned guard_delay(guard const *g)
{
  bucket_want w[2];
  unsigned most = 1, n = wants(g, w);
  for (unsigned i = 0; i < n; i++) {
    unsigned missing = buckets_missing(&table, w + i, buckets_now());
    if (missing > most) most = missing;
  }
  return 1U << (most - 1 < DOUBLINGS ? most - 1 : DOUBLINGS);
}
