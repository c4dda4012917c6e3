#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "dial.h"
#include "http.h"
#include "tls.h"
#include "unix.h"

/* Copies s[0..len) if it fits: 1 or 0. */
static int copy(char *to, size_t size, char const *s, size_t len)
{
  if (len >= size) return 0;
  memcpy(to, s, len);
  to[len] = 0;
  return 1;
}

static int printable(char const *s)
{
  for (; *s; s++)
    if (*s <= ' ' || *s > '~') return 0;
  return 1;
}

/* "[::1]:80", "host:80", "host" */
static int authority(http_url *u, char const *s, size_t len)
{
  char const *end = s + len, *host = s, *port;
  size_t n;
  if (*s == '[') {
    char const *close = memchr(s, ']', len);
    if (!close) return 0;
    host++;
    n = (size_t)(close - host);
    port = close + 1;
  } else {
    port = memchr(s, ':', len);
    if (!port) port = end;
    n = (size_t)(port - s);
  }
  if (!n || !copy(u->host, sizeof u->host, host, n)) return 0;
  if (port == end)
    return copy(u->port, sizeof u->port, u->tls ? "443" : "80", u->tls ? 3 : 2);
  if (*port++ != ':' || port == end) return 0;
  if (strspn(port, "0123456789") < (size_t)(end - port)) return 0;
  return copy(u->port, sizeof u->port, port, (size_t)(end - port));
}

int http_url_scan(http_url *u, char const *s)
{
  size_t n;
  *u = (http_url){0};
  if (strlen(s) > HTTP_URL_MAX || !printable(s)) return 0;
  if (!strncmp(s, "unix:", 5))
    return s[5] == '/' && copy(u->host, sizeof u->host, s + 5, strlen(s + 5));
  u->tls = !strncmp(s, "https://", 8);
  if (!u->tls && strncmp(s, "http://", 7)) return 0;
  s += u->tls ? 8 : 7;
  n = strcspn(s, "/");
  if (!authority(u, s, n)) return 0;
  s += n;
  if (strpbrk(s, "?#")) return 0;
  n = strlen(s);
  while (n && s[n - 1] == '/') n--;
  return copy(u->path, sizeof u->path, s, n);
}

int http_open(http *h, http_url const *u, char const *socket, io_time deadline)
{
  tls_info info;
  int net, r;
  http_close(h);
  net = *u->port ? dial(u->host, u->port, deadline)
                 : unix_connect(u->host, deadline);
  if (net < 0) return -1;
  if (u->tls) {
    r = tls_connect_begin(socket, net, u->host, TLS_PKIX, &net, &info,
                          deadline);
    if (r <= 0) return errno = r ? errno : EACCES, -1;
  }
  h->fd = net;
  line_init(&h->in, net, h->buf, sizeof h->buf);
  return 1;
}

int http_idle(http const *h)
{
  struct pollfd p = {.fd = h->fd, .events = POLLIN};
  return h->fd >= 0 && !line_pending(&h->in) && poll(&p, 1, 0) == 0;
}

void http_close(http *h)
{
  if (h->fd >= 0) close(h->fd);
  h->fd = -1;
}

int http_field(stralloc *head, char const *name, char const *value)
{
  size_t at;
  if (!stralloc_cats(head, name) || !stralloc_cats(head, ": ")) return -1;
  at = head->len;
  if (!stralloc_cats(head, value) || !stralloc_cats(head, "\r\n")) return -1;
  for (; at < head->len - 2; at++)
    if ((head->s[at] >= 0 && head->s[at] < ' ') || head->s[at] == 127)
      head->s[at] = '?';
  return 1;
}
