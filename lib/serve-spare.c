#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve-spare.h"
#include "unix.h"

enum { BUSY, IDLE };

#define FULL SERVE_SPARES /* the place that says so */
#define PLACES (SERVE_SPARES + 1)

int serve_spares_init(serve_spares *s)
{
  s->state = mmap(0, PLACES * sizeof *s->state, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < SERVE_SPARES; i++) s->line[i] = -1, s->pid[i] = 0;
  return s->state == MAP_FAILED ? -1 : 1;
}

int serve_spare_reserve(serve_spares *s, unsigned char const *key, int *line)
{
  int ends[2], i = 0;
  while (i < SERVE_SPARES && s->pid[i]) i++;
  if (i == SERVE_SPARES) return -1;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return -1;
  atomic_store(s->state + i, BUSY);
  memcpy(s->key[i], key, NET_KEY);
  s->line[i] = ends[0];
  *line = ends[1];
  return i;
}

void serve_spare_started(serve_spares *s, int place, int line, pid_t pid)
{
  if (place < 0) return;
  close(line);
  if (pid > 0) {
    s->pid[place] = pid;
  } else {
    close(s->line[place]);
    s->line[place] = -1;
  }
}

/* Whoever turns IDLE into BUSY has the child: the parent for a client, the
   child itself to end. */
static int claim(serve_spares *s, int place)
{
  int idle = IDLE;
  return atomic_compare_exchange_strong(s->state + place, &idle, BUSY);
}

int serve_spare_claim(serve_spares *s, unsigned char const *key)
{
  for (int i = 0; i < SERVE_SPARES; i++)
    if (s->pid[i] && (!key || !memcmp(s->key[i], key, NET_KEY)) && claim(s, i))
      return i;
  return -1;
}

int serve_spare_give(serve_spares *s, int place, int fd, int64_t hold)
{
  return unix_send_fd(s->line[place], &hold, sizeof hold, fd, io_now()) > 0;
}

static void free_place(serve_spares *s, int place)
{
  close(s->line[place]);
  s->line[place] = -1;
  s->pid[place] = 0;
}

pid_t serve_spare_dismiss(serve_spares *s, int place)
{
  pid_t pid = s->pid[place];
  free_place(s, place);
  return pid;
}

/* A child says IDLE before it looks at FULL, the parent the other way round:
   one of them sees the other. */
int serve_spare_full(serve_spares *s)
{
  atomic_store(s->state + FULL, 1);
  for (int i = 0; i < SERVE_SPARES; i++)
    if (s->pid[i] && atomic_load(s->state + i) == IDLE) return 0;
  return 1;
}

void serve_spare_room(serve_spares *s)
{
  atomic_store(s->state + FULL, 0);
}

void serve_spare_gone(serve_spares *s, pid_t pid)
{
  for (int i = 0; i < SERVE_SPARES; i++)
    if (s->pid[i] == pid) free_place(s, i);
}

void serve_spare_child(serve_spares *s)
{
  for (int i = 0; i < SERVE_SPARES; i++)
    if (s->line[i] >= 0) close(s->line[i]);
}

int serve_spare_next(serve_spares *s, int place, int line, int64_t *hold)
{
  int fd = -1;
  atomic_store(s->state + place, IDLE);
  if (atomic_load(s->state + FULL) && claim(s, place)) return -1;
  if (io_wait(line, POLLIN, io_after(SERVE_SPARE_MS)) < 0 && claim(s, place))
    return -1;
  if (unix_recv_fd(line, hold, sizeof *hold, &fd, io_after(SERVE_SPARE_MS)) !=
      sizeof *hold)
    return -1;
  return fd;
}
