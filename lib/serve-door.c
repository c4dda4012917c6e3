#include <arpa/inet.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "log.h"
#include "proxy.h"
#include "serve-door.h"
#include "serve-peer.h"

#define WAIT_MOST 60      /* seconds that a client may have to wait */
#define LINES_A_SECOND 10 /* of refusals in the log */

unsigned serve_number(char opt, char const *arg, unsigned least)
{
  char name[] = "-x";
  unsigned n;
  name[1] = opt;
  if (!uint0_scan(arg, &n) || n < least)
    strerr_dief3x(100, name, " needs a number, not ", arg);
  return n;
}

static int bits(char const *s, unsigned most, unsigned *n)
{
  return uint0_scan(s, n) && *n && *n <= most;
}

/* word=value */
static int one(serve *s, char *word)
{
  char *value = strchr(word, '=');
  if (!value) return 0;
  *value++ = 0;
  if (!strcmp(word, "ip")) return bucket_rate_scan(value, &s->ip);
  if (!strcmp(word, "net")) return bucket_rate_scan(value, &s->net);
  if (!strcmp(word, "all")) return bucket_rate_scan(value, &s->all);
  if (!strcmp(word, "ip6")) return bits(value, 128, &s->ip6);
  if (!strcmp(word, "net4")) return bits(value, 32, &s->net4);
  if (!strcmp(word, "net6")) return bits(value, 128, &s->net6);
  if (!strcmp(word, "wait"))
    return uint0_scan(value, &s->wait_s) && s->wait_s <= WAIT_MOST;
  return 0;
}

static void rates(serve *s, char const *list)
{
  char copy[256], *save = 0;
  int good = strlen(list) < sizeof copy && *list;
  if (good) strcpy(copy, list);
  for (char *w = good ? strtok_r(copy, ",", &save) : 0; w && good;
       w = strtok_r(0, ",", &save))
    good = one(s, w);
  if (!good) strerr_dief2x(100, "-F needs word=value,..., not ", list);
}

int serve_door_option(serve *s, int opt, char const *arg)
{
  switch (opt) {
  case 'N': s->maxnet = serve_number('N', arg, 1); return 1;
  case 'F': rates(s, arg); return 1;
  case 'P':
    if (!net_list_scan(&s->proxies, arg))
      strerr_dief2x(100, "-P needs networks, not ", arg);
    return 1;
  default: return 0;
  }
}

int serve_door_init(serve_door *d, serve const *s)
{
  d->s = s;
  d->seats = mmap(0, s->max * sizeof *d->seats, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (d->seats == MAP_FAILED) return -1;
  if (!s->ip.n && !s->net.n && !s->all.n) return 1;
  return buckets_open(&d->rates, 0);
}

void serve_door_sit(serve_door *d, unsigned seat, unsigned char const *key)
{
  if (d->s->proxies.n) return; /* the proxy itself is not counted */
  memcpy(d->seats[seat], key, NET_KEY);
}

void serve_door_leave(serve_door *d, unsigned seat)
{
  memset(d->seats[seat], 0, NET_KEY);
}

static void by_ip(serve const *s, unsigned char *to, unsigned char const *key)
{
  memcpy(to, key, NET_KEY);
  net_mask(to, 32, s->ip6);
}

static void by_net(serve const *s, unsigned char *to, unsigned char const *key)
{
  memcpy(to, key, NET_KEY);
  net_mask(to, s->net4, s->net6);
}

static int is_free(unsigned char const *seat)
{
  static unsigned char const nobody[NET_KEY];
  return !memcmp(seat, nobody, NET_KEY);
}

/* How many seats its address and its network have */
static void seated(serve_door const *d, unsigned char const *key, unsigned *nip,
                   unsigned *nnet)
{
  unsigned char ip[NET_KEY], network[NET_KEY], k[NET_KEY];
  *nip = *nnet = 0;
  by_ip(d->s, ip, key);
  by_net(d->s, network, key);
  for (unsigned i = 0; i < d->s->max; i++) {
    if (is_free(d->seats[i])) continue; /* masked, ::1 would look like it */
    by_ip(d->s, k, d->seats[i]);
    *nip += !memcmp(k, ip, NET_KEY);
    by_net(d->s, k, d->seats[i]);
    *nnet += !memcmp(k, network, NET_KEY);
  }
}

static int64_t wait_for(serve_door *d, unsigned char const *key)
{
  serve const *s = d->s;
  unsigned char ip[NET_KEY], network[NET_KEY];
  bucket_want const w[] = {{'i', ip, NET_KEY, s->ip, 1},
                           {'n', network, NET_KEY, s->net, 1},
                           {'a', "", 0, s->all, 1}};
  if (!s->ip.n && !s->net.n && !s->all.n) return 0;
  by_ip(s, ip, key);
  by_net(s, network, key);
  return buckets_take(&d->rates, w, 3, (int64_t)s->wait_s * 1000,
                      buckets_now());
}

/* A flood must not become one of the log. */
void serve_door_log(unsigned char const *key, char const *why)
{
  static time_t second;
  static unsigned lines;
  static unsigned char const mapped[12] = {[10] = 0xff, [11] = 0xff};
  char ip[INET6_ADDRSTRLEN] = "-";
  time_t now = time(0);
  if (now != second) lines = 0;
  second = now;
  if (++lines > LINES_A_SECOND) return;
  if (!memcmp(key, mapped, sizeof mapped))
    inet_ntop(AF_INET, key + 12, ip, sizeof ip);
  else if (*key || memcmp(key, key + 1, NET_KEY - 1))
    inet_ntop(AF_INET6, key, ip, sizeof ip);
  log_info("refused ip=%s: %s", ip, why);
}

void serve_door_refuse(int fd, char const *why)
{
  if (why && send(fd, why, strlen(why), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
    return; /* it is going away anyway */
}

static int trusted(serve const *s, unsigned char const *key)
{
  if (net_list_has(&s->proxies, key)) return 1;
  serve_door_log(key, "not one of the proxies");
  return 0;
}

/* A network may have what one of its addresses may. */
static unsigned most_net(serve const *s)
{
  return s->maxnet > s->maxip ? s->maxnet : s->maxip;
}

/* In *own, how many of the seats are its own already. */
static int counted_in(serve_door *d, unsigned char const *key, unsigned own,
                      int64_t *hold, char const **why)
{
  unsigned ip, network;
  seated(d, key, &ip, &network);
  *why = d->s->refusal;
  if (ip >= d->s->maxip + own || network >= most_net(d->s) + own) {
    serve_door_log(key, ip >= d->s->maxip + own ? "too many of its address"
                                                : "too many of its network");
    return 0;
  }
  *hold = wait_for(d, key);
  if (*hold >= 0) return 1;
  *why = d->s->too_fast;
  serve_door_log(key, "too fast");
  return 0;
}

int serve_door_open(serve_door *d, unsigned char const *key, int64_t *hold,
                    char const **why)
{
  if (!d->s->proxies.n) return counted_in(d, key, 0, hold, why);
  *why = 0; /* whoever it is, it does not wait for words */
  return trusted(d->s, key);
}

int serve_door_proxy(serve const *s, serve_peer *peer)
{
  unsigned char key[NET_KEY];
  proxy_ends e;
  int r;
  net_key(key, peer->ip);
  if (!trusted(s, key)) return -1;
  r = proxy_read(0, &e, io_after(PROXY_MS));
  if (r < 0)
    log_warnsys("unable to read the PROXY header of %s", peer->ip);
  else if (r > 0)
    serve_peer_ends(peer, &e.from, &e.to);
  return r;
}

int serve_door_behind(serve_door *d, unsigned seat, serve_peer *peer,
                      int64_t *hold)
{
  unsigned char key[NET_KEY];
  char const *why;
  int r = serve_door_proxy(d->s, peer);
  if (r <= 0) return r == 0; /* the proxy's own: whether we are alive */
  net_key(key, peer->ip);
  /* Taken before the others are counted: two that do so at once may both be
     refused, never both be one too many. */
  memcpy(d->seats[seat], key, NET_KEY);
  if (counted_in(d, key, 1, hold, &why)) return 1;
  serve_door_refuse(1, why);
  return 0;
}
