#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "log.h"
#include "table-desk.h"

#define END_MS 1000 /* for a copy after SIGTERM */

static void refuse(desk *d, int client, char const *why)
{
  desk_tell(d, client, why, strlen(why));
}

void desk_start(desk *d)
{
  for (unsigned n = 0; n < d->ncopies; n++) {
    desk_copy *c = d->copies + n;
    if (c->fd >= 0 || io_left(c->start)) continue;
    c->fd = child_start(d->prog, &c->pid);
    if (c->fd < 0) c->start = child_delay(&c->failures);
  }
}

/* Gone for good when this returns: nothing it says can reach anybody. */
static void end(desk_copy *c)
{
  close(c->fd);
  kill(-c->pid, SIGKILL);
  waitpid(c->pid, 0, 0);
  c->fd = -1;
  c->busy = 0;
  c->len = 0;
}

void desk_count(desk *d)
{
  if (++d->failures < DESK_FAILURES) return;
  d->rest = io_after(d->rest_ms);
  if (d->failures == DESK_FAILURES)
    log_warn("%d failures in a row: nothing is asked for a while",
             DESK_FAILURES);
}

void desk_fail(desk *d, desk_copy *c, char const *why)
{
  int owed = c->busy, client = owed ? c->client : -1;
  log_warn("%s %s", d->prog[0], why);
  end(c);
  c->start = child_delay(&c->failures);
  if (owed) desk_count(d);
  if (client >= 0) refuse(d, client, "!the table has failed");
}

/* What an idle copy has said already is no answer to this. */
static void put(desk *d, desk_copy *c, int client)
{
  desk_client *q = d->clients + client;
  char byte;
  c->busy = 1;
  c->client = client;
  c->len = 0;
  c->deadline = io_after(d->ms);
  if (recv(c->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0)
    desk_fail(d, c, "ended or spoke unasked");
  else if (send(c->fd, q->question, q->len, MSG_DONTWAIT | MSG_NOSIGNAL) !=
           (ssize_t)q->len)
    desk_fail(d, c, "does not read");
}

static desk_copy *idle(desk *d)
{
  for (unsigned n = 0; n < d->ncopies; n++)
    if (d->copies[n].fd >= 0 && !d->copies[n].busy) return d->copies + n;
  return 0;
}

static int busy(desk const *d)
{
  for (unsigned n = 0; n < d->ncopies; n++)
    if (d->copies[n].busy) return 1;
  return 0;
}

int desk_runs(desk const *d)
{
  for (unsigned n = 0; n < d->ncopies; n++)
    if (d->copies[n].fd >= 0) return 1;
  return 0;
}

void desk_ask(desk *d)
{
  int client;
  while ((client = desk_next(d)) >= 0) {
    desk_copy *c = idle(d);
    int resting = d->failures >= DESK_FAILURES;
    if (resting && io_left(d->rest)) {
      refuse(d, client, "!the table has failed too often");
      continue;
    }
    /* after a rest one question at a time, until one is answered */
    if (!c || (resting && busy(d))) return;
    put(d, c, client);
  }
}

void desk_hear(desk *d, desk_copy *c)
{
  char *end_of_line;
  ssize_t n;
  if (!c->busy) {
    desk_fail(d, c, "ended or spoke unasked");
    return;
  }
  n = recv(c->fd, c->answer + c->len, sizeof c->answer - c->len, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    desk_fail(d, c, "ended without an answer");
    return;
  }
  c->len += (size_t)n;
  end_of_line = memchr(c->answer, '\n', c->len);
  if (!end_of_line && c->len < sizeof c->answer) return;
  if (!end_of_line || end_of_line + 1 != c->answer + c->len) {
    desk_fail(d, c, "said too much");
    return;
  }
  if (!ask_text_valid(c->answer, c->len - 1)) {
    desk_fail(d, c, "used control characters");
    return;
  }
  c->busy = 0;
  c->failures = d->failures = 0;
  if (c->client >= 0) desk_tell(d, c->client, c->answer, c->len - 1);
}

void desk_end(desk *d)
{
  io_time polite = io_after(END_MS);
  for (unsigned n = 0; n < d->ncopies; n++) {
    desk_copy const *c = d->copies + n;
    if (c->fd < 0) continue;
    shutdown(c->fd, SHUT_WR);
    kill(-c->pid, SIGTERM);
  }
  for (unsigned n = 0; n < d->ncopies; n++) {
    desk_copy *c = d->copies + n;
    int fd = c->fd < 0 ? -1 : pidfd_open(c->pid, 0);
    if (fd >= 0) {
      io_wait(fd, POLLIN, polite);
      close(fd);
    }
    if (c->fd >= 0) end(c);
  }
}
