#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child.h"
#include "parcel.h"
#include "pool.h"

void instance_start(pool *p, pool_instance *i)
{
  if (i->fd >= 0 || io_left(i->start)) return;
  i->fd = child_start(p->prog, &i->pid);
  if (i->fd < 0)
    i->start = child_delay(&i->failures);
  else
    instance_free(i);
}

void instance_free(pool_instance *i)
{
  i->client = -1;
  i->deadline = io_after(POOL_IDLE_MS);
}

void instance_end(pool_instance *i, int fault)
{
  close(i->fd);
  kill(-i->pid, SIGTERM);
  i->fd = i->client = -1;
  i->start = 0;
  if (fault) i->start = child_delay(&i->failures);
}

static void clear(pool_pipe *b)
{
  b->from = b->pass = b->end = 0;
}

void instance_lend(pool *p, pool_instance *i, int client)
{
  p->clients[client].waiting = 0;
  i->client = client;
  i->ended = 0;
  i->deadline = io_after(PARCEL_MS);
  i->moved = io_now();
  i->up_frame = (frame_up){0};
  i->down_frame = (frame_down){0};
  clear(&i->up);
  clear(&i->down);
}

int instance_stalled(pool_instance const *i)
{
  return i->client >= 0 && !i->ended && !i->up_frame.asked &&
         i->up.from == i->up.end && i->down.from == i->down.end;
}

short instance_client_wants(pool_instance const *i)
{
  short events = 0;
  if (!i->ended && i->up.from == i->up.end) events |= POLLIN;
  if (i->down.from < i->down.pass) events |= POLLOUT;
  return events;
}

short instance_wants(pool_instance const *i)
{
  short events = POLLIN;
  if (i->down.from < i->down.end) events = 0;
  if (i->up.from < i->up.pass) events |= POLLOUT;
  return events;
}

/* Into an empty buffer: 1, 0 (end of file, or an error), 2 (not now) */
static int fill(pool_pipe *b, int fd)
{
  ssize_t n = recv(fd, b->buf, sizeof b->buf, MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN || errno == EINTR ? 2 : 0;
  b->from = b->pass = 0;
  b->end = (size_t)n;
  return n > 0;
}

static int drain(pool_pipe *b, int fd)
{
  ssize_t n = send(fd, b->buf + b->from, b->pass - b->from,
                   MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  b->from += (size_t)n;
  return 1;
}

static int from_client(pool_instance *i, int fd)
{
  int r = fill(&i->up, fd);
  long pass;
  if (r == 2) return 1;
  if (r == 0) return -1;
  i->deadline = io_after(PARCEL_MS);
  pass = frame_up_feed(&i->up_frame, i->up.buf, i->up.end, &i->ended);
  if (pass < 0) return -1;
  i->up.pass = (size_t)pass;
  /* Nobody may speak again before the report of the last parcel. */
  return i->up.pass < i->up.end ? -1 : 1;
}

static int from_instance(pool_instance *i)
{
  int r = fill(&i->down, i->fd);
  if (r == 2) return 1;
  if (r == 0) return -2;
  if (frame_down_feed(&i->down_frame, &i->up_frame, i->down.buf, i->down.end) <
      0)
    return -2;
  i->down.pass = i->down.end;
  return 1;
}

int instance_move(pool *p, pool_instance *i, short client, short own)
{
  int fd = p->clients[i->client].fd, r = 1;
  short const in = POLLIN | POLLHUP | POLLERR;
  i->moved = io_now();
  if (client & in && instance_client_wants(i) & POLLIN)
    r = from_client(i, fd);
  else if (client & (POLLHUP | POLLERR))
    return -1;
  if (r > 0 && i->up.from < i->up.pass && !drain(&i->up, i->fd)) r = -2;
  if (r > 0 && own & in && instance_wants(i) & POLLIN) r = from_instance(i);
  if (r > 0 && i->down.from < i->down.pass && !drain(&i->down, fd)) r = -1;
  if (r < 0 || !i->down_frame.done || i->down.from < i->down.end) return r;
  if (!i->ended || i->up.from < i->up.end || i->up_frame.asked) return -2;
  i->failures = 0;
  return 0;
}
