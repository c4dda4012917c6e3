#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay.h"

#define LINGER_MS 5000       /* for the peer to read and to close */
#define LINGER_BYTES 262144  /* that it may send meanwhile */
#define FLUSH_MS (60 * 1000) /* for the last records, each */
#define FLUSHES 10           /* so many times that, for all of them */
#define GRACE_MS (10 * 1000) /* after SIGTERM */

static volatile sig_atomic_t terminated;

static void on_term(int sig)
{
  (void)sig;
  terminated = 1;
}

void relay_signals(void)
{
  struct sigaction term = {.sa_handler = on_term};
  sigaction(SIGTERM, &term, 0);
  signal(SIGPIPE, SIG_IGN);
}

typedef struct state {
  relay *r;
  int net_eof, in_eof, out_gone;
  int left;            /* the program has gone; what it wrote may be unread */
  int closing;         /* close_notify has been asked for */
  int progress, error; /* error: errno of net, fatal */
  int sent;            /* of the progress: records */
  io_time flush, end;  /* once it is ending: for these records, for all */
} state;

/* Reads without blocking: in may be a pipe, of which poll has said that it
   is ready. -1 with EAGAIN. */
static ssize_t get(int fd, void *s, size_t n)
{
  ssize_t r;
  do {
    r = recv(fd, s, n, MSG_DONTWAIT);
    if (r < 0 && errno == ENOTSOCK) r = read(fd, s, n);
  } while (r < 0 && errno == EINTR);
  return r;
}

/* Writes what fits. */
static ssize_t put(int fd, void const *s, size_t n)
{
  size_t done;
  if (io_write_watch(fd, s, n, -1, &done, 0) > 0 || done) return (ssize_t)done;
  if (errno == ETIMEDOUT) errno = EAGAIN;
  return -1;
}

static int again(void)
{
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

static unsigned what(state const *s)
{
  return br_ssl_engine_current_state(s->r->engine);
}

static void send_records(state *s)
{
  while (what(s) & BR_SSL_SENDREC) {
    size_t n;
    unsigned char *p = br_ssl_engine_sendrec_buf(s->r->engine, &n);
    ssize_t w = put(s->r->net, p, n);
    if (w < 0) {
      if (!again()) s->error = errno;
      return;
    }
    br_ssl_engine_sendrec_ack(s->r->engine, (size_t)w);
    s->progress = s->sent = 1;
  }
}

static void receive_records(state *s)
{
  size_t n;
  unsigned char *p = br_ssl_engine_recvrec_buf(s->r->engine, &n);
  ssize_t r;
  if (!p) return;
  r = get(s->r->net, p, n);
  if (r > 0) {
    br_ssl_engine_recvrec_ack(s->r->engine, (size_t)r);
    s->progress = 1;
  } else if (r == 0)
    s->net_eof = 1;
  else if (!again())
    s->error = errno;
}

/* Plaintext for the program; if it reads no more, for nobody. */
static void give(state *s)
{
  size_t n;
  unsigned char *p = br_ssl_engine_recvapp_buf(s->r->engine, &n);
  ssize_t w = (ssize_t)n;
  if (!p) return;
  if (!s->out_gone) w = put(s->r->out, p, n);
  if (w < 0) {
    if (again()) return;
    s->out_gone = 1;
    w = (ssize_t)n;
  }
  br_ssl_engine_recvapp_ack(s->r->engine, (size_t)w);
  s->progress = 1;
}

static void take(state *s)
{
  size_t n;
  unsigned char *p = br_ssl_engine_sendapp_buf(s->r->engine, &n);
  ssize_t r;
  if (!p) return;
  r = get(s->r->in, p, n);
  if (r > 0) {
    br_ssl_engine_sendapp_ack(s->r->engine, (size_t)r);
    br_ssl_engine_flush(s->r->engine, 0);
    s->progress = 1;
  } else if (r == 0 || !again())
    s->in_eof = 1;
}

/* No more to send: close_notify. BearSSL 0.6 stalls in its close unless the
   received plaintext has been taken before. */
static void begin_close(state *s)
{
  unsigned now = what(s);
  if (s->closing || !s->in_eof || (s->r->stay && !s->out_gone)) return;
  if (now & BR_SSL_RECVAPP) {
    size_t n;
    give(s);
    if (br_ssl_engine_recvapp_buf(s->r->engine, &n))
      br_ssl_engine_recvapp_ack(s->r->engine, n);
    if (what(s) & BR_SSL_RECVAPP) return;
  }
  s->closing = 1;
  br_ssl_engine_close(s->r->engine);
}

/* The program reads an end of file once everything was given to it. */
static void end_of_plaintext(state *s)
{
  if (s->out_gone) return;
  s->out_gone = 1;
  if (shutdown(s->r->out, SHUT_WR) < 0 && s->r->out != s->r->in &&
      s->r->out > 2)
    close(s->r->out);
}

enum { NET, IN, OUT };

/* The conditions for which there is something to do. An fd without one is
   left out, for poll reports a hang-up whether asked or not; but the program's
   is heard of, once. */
static void wanted(state const *s, struct pollfd *p)
{
  unsigned now = what(s);
  short net = 0, in = 0, out = 0;
  if (now & BR_SSL_SENDREC) net |= POLLOUT;
  if (now & BR_SSL_RECVREC && !s->net_eof) net |= POLLIN;
  if (now & BR_SSL_RECVAPP && !s->out_gone) out |= POLLOUT;
  if (now & BR_SSL_SENDAPP && !s->in_eof) in |= POLLIN;
  p[NET] = (struct pollfd){net ? s->r->net : -1, net, 0};
  p[IN] =
      (struct pollfd){in || (!s->in_eof && !s->left) ? s->r->in : -1, in, 0};
  p[OUT] = (struct pollfd){out ? s->r->out : -1, out, 0};
}

/* Waits and does what can be done: 1, or -1 with ETIMEDOUT or EINTR. */
static int step(state *s, io_time deadline)
{
  struct pollfd p[3];
  int n;
  wanted(s, p);
  if (p[NET].fd < 0 && p[IN].fd < 0 && p[OUT].fd < 0) return 1;
  n = poll(p, 3, io_left(deadline));
  if (n == 0) return errno = ETIMEDOUT, -1;
  if (n < 0) return errno == EINTR ? 1 : -1;
  if (p[NET].revents & ~POLLOUT) receive_records(s);
  if (p[OUT].revents) give(s);
  if (p[IN].revents & POLLHUP) s->left = 1;
  if (p[IN].revents) take(s);
  if (what(s) & BR_SSL_SENDREC) send_records(s);
  if (!s->out_gone) give(s);
  return 1;
}

/* The last records (an alert, a close_notify), then the end of our side; the
   peer's last bytes are read, for a socket closed over them is reset and the
   peer would lose ours. */
static void part(state *s)
{
  io_time deadline = io_after(LINGER_MS);
  char waste[4096];
  ssize_t n, all = 0;
  while (!s->error && what(s) & BR_SSL_SENDREC) {
    send_records(s);
    if (!s->error && what(s) & BR_SSL_SENDREC &&
        io_wait(s->r->net, POLLOUT, deadline) < 0)
      return;
  }
  if (s->error || shutdown(s->r->net, SHUT_WR) < 0 || s->net_eof) return;
  while (all < LINGER_BYTES &&
         (n = io_read(s->r->net, waste, sizeof waste, deadline)) > 0)
    all += n;
}

int relay_handshake(relay *r, io_time deadline)
{
  state s = {.r = r, .in_eof = 1, .out_gone = 1};
  int good = 1;
  while (good > 0 && !(what(&s) & (BR_SSL_SENDAPP | BR_SSL_CLOSED))) {
    if (s.error || s.net_eof) return 0;
    good = step(&s, deadline);
    if (terminated) errno = EINTR, good = -1;
  }
  if (good > 0 && what(&s) & BR_SSL_SENDAPP) return 1;
  int e = errno;
  part(&s);
  return errno = e, good < 0 ? -1 : 0;
}

/* Nothing new comes from the program. Of a pair of pipes one may be closed by
   who still reads the other. */
static int ending(state const *s)
{
  if (s->closing || (s->in_eof && !s->r->stay)) return 1;
  return s->left && (!s->r->stay || s->r->in == s->r->out);
}

/* At the end only what is sent gives more time, and not for ever: the peer
   might send bytes, or read them, one by one. */
static io_time later(state *s)
{
  int64_t idle = s->r->idle_ms, last = FLUSH_MS < idle ? FLUSH_MS : idle;
  int sent = s->sent;
  s->progress = s->sent = 0;
  if (!ending(s)) return io_after(s->net_eof ? last : idle);
  if (s->end == IO_FOREVER) {
    s->end = io_after(FLUSHES * last);
    sent = 1;
  }
  if (sent) s->flush = io_after(last);
  return s->flush < s->end ? s->flush : s->end;
}

/* Whether it is over, for whatever reason. */
static int over(state *s)
{
  unsigned now = what(s);
  if (s->error || now & BR_SSL_CLOSED) return 1;
  if (s->closing && !(now & BR_SSL_SENDREC)) return 1;
  if (s->net_eof && !(now & BR_SSL_RECVAPP)) {
    end_of_plaintext(s);
    if (s->in_eof && !(now & BR_SSL_SENDREC)) return 1;
  }
  return 0;
}

static int verdict(state const *s)
{
  if (s->error) return errno = s->error, -1;
  if (what(s) & BR_SSL_CLOSED && br_ssl_engine_last_error(s->r->engine))
    return errno = EPROTO, -1;
  return !s->net_eof;
}

int relay_run(relay *r)
{
  state s = {.r = r, .end = IO_FOREVER};
  io_time deadline = later(&s), grace = IO_FOREVER;
  int good = 1, e = 0;
  while (!over(&s)) {
    if (terminated && grace == IO_FOREVER) grace = io_after(GRACE_MS);
    good = step(&s, deadline < grace ? deadline : grace);
    if (good < 0) break;
    begin_close(&s);
    if (s.out_gone) give(&s);
    if (s.progress || ending(&s)) deadline = later(&s);
  }
  if (good < 0) e = terminated ? EINTR : errno;
  if (what(&s) & BR_SSL_CLOSED || s.closing || s.net_eof) end_of_plaintext(&s);
  part(&s);
  if (good < 0) return errno = e, -1;
  return verdict(&s);
}
