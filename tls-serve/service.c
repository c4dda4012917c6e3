#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "conf.h"
#include "jail.h"
#include "service.h"

#define SECONDS_MAX (7 * 86400)

static int seconds(char const *arg, unsigned *n)
{
  return uint0_scan(arg, n) && *n && *n <= SECONDS_MAX;
}

int service_option(service *s, int opt, char const *arg)
{
  switch (opt) {
  case 'f': s->table.path = arg; return 1;
  case 'T': return seconds(arg, &s->handshake_seconds);
  case 't': return seconds(arg, &s->idle_seconds);
  default: return 0;
  }
}

void service_refresh(void *data)
{
  service *s = data;
  watched_open(&s->table);
}

static void enter(jail_path const *paths, unsigned flags)
{
  jail const j = {paths, flags, 0};
  if (jail_enter(&j) < 0) strerr_diefu1sys(111, "enter the jail");
}

void service_confine(void)
{
  jail_path const none[] = {{0, 0}};
  enter(none, 0);
}

void service_confine_parent(service const *s, char const *other)
{
  char dir[CONF_PATH_MAX], second[CONF_PATH_MAX];
  jail_path const paths[] = {{dir, 0}, {other ? second : 0, 0}, {0, 0}};
  conf_directory(s->table.path, dir, sizeof dir);
  if (other) conf_directory(other, second, sizeof second);
  enter(paths, JAIL_FORK);
}

io_time service_handshake(service const *s)
{
  return io_after((int64_t)s->handshake_seconds * 1000);
}

relay service_relay(service const *s, int net, int in, int out)
{
  int one = 1;
  setsockopt(net, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return (relay){.net = net,
                 .in = in,
                 .out = out,
                 .idle_ms = (int64_t)s->idle_seconds * 1000};
}

int service_is_stream(int fd)
{
  int type;
  socklen_t n = sizeof type;
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 &&
         type == SOCK_STREAM;
}
