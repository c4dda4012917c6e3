#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <ares.h>

#include "dns.h"
#include "dns-parse.h"

#define EDNS_SIZE 1232 /* a UDP answer that is never fragmented */
#define QUERY_MAX (NS_HFIXEDSZ + NS_MAXCDNAME + NS_QFIXEDSZ + EDNS_FIXED)
#define EDNS_FIXED 11
#define FIRST_MS 1500 /* then twice as long, and again */
#define TRIES 4       /* per server */
#define CHAIN 8       /* CNAMEs that a resolver left to us */
#define KEEP_MS 30000 /* then resolv.conf is read again */
#define SERVERS_MAX 1024
#define SOCKETS 32

/* One question under way. */
typedef struct job {
  dns_answer *answer;
  char const *name; /* asked now: the question's, or a CNAME's target */
  char *target;
  int type;
  int chase;    /* answered by a CNAME alone */
  int insecure; /* that answer was */
  unsigned *pending;
} job;

/* One channel per process; a fork makes its own. */
static struct {
  ares_channel channel;
  pid_t pid;
  io_time until;
  int trusted; /* its AD bit */
  unsigned n;
  struct pollfd fds[SOCKETS];
} state;

/* DNSCACHEIP, one address or several, as c-ares wants them: 1 or -1 */
static int servers_csv(char *to, size_t size, char const *list)
{
  char const *port = getenv("DNSCACHEPORT");
  size_t len = 0;
  if (!port || !*port) port = "53";
  while (*(list += strspn(list, " ,\t"))) {
    size_t n = strcspn(list, " ,\t");
    int v6 = memchr(list, ':', n) != 0;
    int w = snprintf(to + len, size - len, "%s%s%.*s%s:%s", len ? "," : "",
                     v6 ? "[" : "", (int)n, list, v6 ? "]" : "", port);
    if (w < 0 || (size_t)w >= size - len) return errno = EINVAL, -1;
    len += (size_t)w;
    list += n;
  }
  return len ? 1 : (errno = EINVAL, -1);
}

static int all_loopback(ares_channel channel)
{
  struct ares_addr_node *first, *a;
  int good;
  if (ares_get_servers(channel, &first) != ARES_SUCCESS) return 0;
  good = first != 0;
  for (a = first; a; a = a->next) {
    if (a->family == AF_INET)
      good &= ntohl(a->addr.addr4.s_addr) >> 24 == 127;
    else
      good &= IN6_IS_ADDR_LOOPBACK((struct in6_addr *)&a->addr.addr6);
  }
  ares_free_data(first);
  return good;
}

/* c-ares tells which sockets it wants to hear of. (The macros for its list of
   them shift a bit into the sign.) */
static void watch(void *data, ares_socket_t fd, int readable, int writable)
{
  short events = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
  unsigned i = 0;
  (void)data;
  while (i < state.n && state.fds[i].fd != fd) i++;
  if (i == state.n) {
    if (!events || state.n == SOCKETS) return;
    state.n++;
  }
  state.fds[i] = (struct pollfd){.fd = fd, .events = events};
  if (!events) state.fds[i] = state.fds[--state.n];
}

/* NOCHECKRESP: else SERVFAIL looks like a closed port. EDNS: else an answer of
   more than 512 bytes is asked for again by TCP. */
static int channel_open(void)
{
  char const *list = getenv("DNSCACHEIP");
  char csv[SERVERS_MAX];
  struct ares_options o = {.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_EDNS |
                                    ARES_FLAG_NOSEARCH,
                           .timeout = FIRST_MS,
                           .tries = TRIES,
                           .ednspsz = EDNS_SIZE,
                           .lookups = (char[]){"b"},
                           .sock_state_cb = watch};
  if (list && *list && servers_csv(csv, sizeof csv, list) < 0) return -1;
  if (ares_init_options(&state.channel, &o,
                        ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                            ARES_OPT_EDNSPSZ | ARES_OPT_LOOKUPS |
                            ARES_OPT_SOCK_STATE_CB) != ARES_SUCCESS)
    return errno = ENOMEM, -1;
  if (list && *list &&
      ares_set_servers_ports_csv(state.channel, csv) != ARES_SUCCESS) {
    ares_destroy(state.channel);
    return errno = EINVAL, -1;
  }
  state.trusted = (list && *list) || all_loopback(state.channel);
  state.pid = getpid();
  state.until = io_after(KEEP_MS);
  return 1;
}

static int channel_ready(void)
{
  if (state.pid == getpid() && io_now() < state.until) return 1;
  if (state.pid) ares_destroy(state.channel);
  state.n = 0;
  state.pid = 0;
  return channel_open();
}

/* RD and AD set, one question, OPT last: length, or 0 if it is no name. */
static size_t make_query(unsigned char *q, unsigned id, char const *name,
                         int type)
{
  static unsigned char const opt[EDNS_FIXED] = {0, 0, ns_t_opt, EDNS_SIZE >> 8,
                                                EDNS_SIZE & 255};
  unsigned char *p = q + NS_HFIXEDSZ;
  size_t n = dns_wire_name(p, name);
  if (!n) return 0;
  memset(q, 0, NS_HFIXEDSZ);
  q[0] = (unsigned char)(id >> 8);
  q[1] = (unsigned char)id;
  q[2] = 1;    /* RD */
  q[3] = 0x20; /* AD: we understand it, RFC 6840 5.7 */
  q[5] = 1;    /* QDCOUNT */
  q[11] = 1;   /* ARCOUNT */
  p += n;
  *p++ = (unsigned char)(type >> 8);
  *p++ = (unsigned char)type;
  *p++ = 0;
  *p++ = ns_c_in;
  memcpy(p, opt, sizeof opt);
  return (size_t)(p + sizeof opt - q);
}

static void answered(void *arg, int status, int timeouts, unsigned char *s,
                     int len)
{
  job *j = arg;
  (void)timeouts;
  --*j->pending;
  j->chase = 0;
  if (status != ARES_SUCCESS || len < 0)
    j->answer->status = DNS_TEMP;
  else
    j->chase = dns_parse(j->answer, j->name, j->type, s, (size_t)len,
                         state.trusted && !j->insecure);
}

static int wait_ms(int ms)
{
  struct timeval tv, *t = ares_timeout(state.channel, 0, &tv);
  if (t) {
    int64_t left = (int64_t)t->tv_sec * 1000 + t->tv_usec / 1000 + 1;
    if (ms < 0 || left < ms) ms = (int)left;
  }
  return ms;
}

static void wait_answers(unsigned *pending, io_time deadline)
{
  while (*pending) {
    struct pollfd p[SOCKETS];
    unsigned n = state.n;
    int ms = io_left(deadline);
    if (ms == 0) {
      ares_cancel(state.channel);
      return;
    }
    memcpy(p, state.fds, n * sizeof *p);
    if (poll(p, n, wait_ms(ms)) <= 0) n = 0;
    for (unsigned i = 0; i < n; i++)
      if (p[i].revents)
        ares_process_fd(state.channel,
                        p[i].revents & ~POLLOUT ? p[i].fd : ARES_SOCKET_BAD,
                        p[i].revents & POLLOUT ? p[i].fd : ARES_SOCKET_BAD);
    if (!n) ares_process_fd(state.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  }
}

/* Ids are neighbours of one random number: distinct, and a guesser has no
   more chances than with one question. */
static void send_all(job *jobs, unsigned n, unsigned *pending)
{
  uint16_t id;
  if (getrandom(&id, sizeof id, 0) != sizeof id) id = (uint16_t)io_now();
  for (unsigned i = 0; i < n; i++) {
    unsigned char query[QUERY_MAX];
    size_t len;
    if (!jobs[i].chase) continue;
    len = make_query(query, (uint16_t)(id + i), jobs[i].name, jobs[i].type);
    if (!len) {
      jobs[i].chase = 0;
      jobs[i].answer->status = DNS_BAD;
      continue;
    }
    ++*pending;
    ares_send(state.channel, query, (int)len, answered, jobs + i);
  }
}

/* A server that does not follow CNAMEs out of its zones leaves that to us. */
static int follow(job *j)
{
  free(j->target);
  j->target = strdup(j->answer->name);
  if (!j->target) return -1;
  j->insecure |= !j->answer->secure;
  dns_free(j->answer);
  j->name = j->target;
  return 1;
}

static int query_rounds(job *jobs, unsigned n, io_time deadline)
{
  for (unsigned round = 0; round <= CHAIN; round++) {
    unsigned pending = 0, more = 0;
    for (unsigned i = 0; i < n; i++) jobs[i].pending = &pending;
    send_all(jobs, n, &pending);
    wait_answers(&pending, deadline);
    for (unsigned i = 0; i < n; i++) {
      if (!jobs[i].chase) continue;
      more = 1;
      if (round == CHAIN)
        jobs[i].answer->status = DNS_TEMP;
      else if (follow(jobs + i) < 0)
        return -1;
    }
    if (!more) break;
  }
  return 1;
}

int dns_query_all(dns_answer *a, dns_question const *q, unsigned n,
                  io_time deadline)
{
  job *jobs = calloc(n ? n : 1, sizeof *jobs);
  int r = 1;
  for (unsigned i = 0; i < n; i++) a[i] = (dns_answer){.status = DNS_TEMP};
  if (!jobs) return -1;
  for (unsigned i = 0; i < n; i++)
    jobs[i] = (job){
        .answer = a + i, .name = q[i].name, .type = q[i].type, .chase = 1};
  if (channel_ready() > 0) r = query_rounds(jobs, n, deadline);
  for (unsigned i = 0; i < n; i++) free(jobs[i].target);
  free(jobs);
  return r;
}

int dns_query(dns_answer *a, char const *name, int type, io_time deadline)
{
  dns_question q = {name, type};
  dns_query_all(a, &q, 1, deadline);
  return a->status;
}
