#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sodium.h>

#include "auth-check.h"
#include "log.h"

static connection *all;
static unsigned max, count, last_number;

int connections_init(unsigned n)
{
  all = calloc(n, sizeof *all);
  if (!all) return -1;
  max = n;
  for (unsigned i = 0; i < n; i++) all[i].in = -1;
  return 1;
}

unsigned connections_count(void)
{
  return count;
}

connection *connection_each(connection *after)
{
  for (connection *c = after ? after + 1 : all; c < all + max; c++)
    if (c->in >= 0) return c;
  return 0;
}

connection *connection_by_number(unsigned number)
{
  for (connection *c = connection_each(0); c; c = connection_each(c))
    if (c->number == number && !c->dead) return c;
  return 0;
}

static void drop(connection *c)
{
  requests_forget(c->number);
  close(c->in);
  if (c->out != c->in) close(c->out);
  explicit_bzero(c->buf, LINE_SIZE);
  free(c->buf);
  free(c->waiting);
  explicit_bzero(c, sizeof *c);
  c->in = c->out = -1;
  count--;
}

/* A full house: the one that has been silent longest makes room. */
static connection *room(void)
{
  connection *oldest = 0;
  for (connection *c = all; c < all + max; c++) {
    if (c->in < 0) return c;
    if (!c->requests && (!oldest || c->used < oldest->used)) oldest = c;
  }
  if (oldest) drop(oldest);
  return oldest;
}

connection *connection_add(int in, int out, int master)
{
  unsigned char random[COOKIE / 2];
  connection *c = room();
  if (!c) return 0;
  *c = (connection){.in = in, .out = out, .master = master};
  c->buf = malloc(LINE_SIZE);
  c->waiting = malloc(OUT_SIZE);
  if (!c->buf || !c->waiting) {
    free(c->buf);
    free(c->waiting);
    c->in = -1;
    return 0;
  }
  c->number = ++last_number;
  c->since = c->used = io_now();
  randombytes_buf(random, sizeof random);
  sodium_bin2hex(c->cookie, sizeof c->cookie, random, sizeof random);
  count++;
  protocol_greet(c);
  return c;
}

static void flush(connection *c)
{
  size_t done;
  if (!c->waitlen) return;
  if (io_write_watch(c->out, c->waiting, c->waitlen, -1, &done, 0) < 0 &&
      errno != ETIMEDOUT)
    c->dead = 1;
  c->waitlen -= done;
  memmove(c->waiting, c->waiting + done, c->waitlen);
}

void connection_say(connection *c, char const *fmt, ...)
{
  va_list ap;
  int n;
  if (c->dead) return;
  va_start(ap, fmt);
  n = vsnprintf(c->waiting + c->waitlen, OUT_SIZE - c->waitlen, fmt, ap);
  va_end(ap);
  /* Who does not read its answers is not served. */
  if (n < 0 || (size_t)n >= OUT_SIZE - c->waitlen)
    c->dead = 1;
  else
    c->waitlen += (size_t)n;
  flush(c);
}

static void lines(connection *c)
{
  size_t start = 0;
  char *lf;
  while (!c->dead && (lf = memchr(c->buf + start, '\n', c->len - start))) {
    size_t end = (size_t)(lf - c->buf);
    *lf = 0;
    if (memchr(c->buf + start, 0, end - start))
      c->dead = 1;
    else
      protocol_line(c, c->buf + start);
    start = end + 1;
  }
  memmove(c->buf, c->buf + start, c->len - start);
  explicit_bzero(c->buf + c->len - start, start);
  c->len -= start;
  if (c->len == LINE_SIZE) c->dead = 1;
}

static void receive(connection *c)
{
  size_t room_left = LINE_SIZE - c->len;
  ssize_t r = recv(c->in, c->buf + c->len, room_left, MSG_DONTWAIT);
  if (r < 0 && errno == ENOTSOCK) r = read(c->in, c->buf + c->len, room_left);
  if (r < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (r <= 0) {
    c->dead = 1;
    return;
  }
  c->used = io_now();
  c->len += (size_t)r;
  lines(c);
}

/* Nothing is read from one that leaves answers unread. */
unsigned connections_poll(struct pollfd *p)
{
  unsigned n = 0;
  for (connection *c = connection_each(0); c; c = connection_each(c)) {
    p[n++] = (struct pollfd){c->waitlen < OUT_SIZE / 2 ? c->in : -1, POLLIN, 0};
    p[n++] = (struct pollfd){c->waitlen ? c->out : -1, POLLOUT, 0};
  }
  return n;
}

void connections_work(struct pollfd const *p, unsigned n)
{
  unsigned i = 0;
  for (connection *c = connection_each(0); c && i < n; c = connection_each(c)) {
    if (p[i + 1].revents) flush(c);
    if (p[i].revents && !c->dead) receive(c);
    i += 2;
  }
}

static io_time handshake_end(connection const *c)
{
  return c->greeted ? IO_FOREVER : c->since + HANDSHAKE_MS;
}

void connections_tidy(void)
{
  io_time now = io_now();
  for (connection *c = connection_each(0); c; c = connection_each(c))
    if (c->dead || handshake_end(c) <= now) drop(c);
}

io_time connections_due(void)
{
  io_time due = IO_FOREVER;
  for (connection *c = connection_each(0); c; c = connection_each(c))
    if (handshake_end(c) < due) due = handshake_end(c);
  return due;
}
