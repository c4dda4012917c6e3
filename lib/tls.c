#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls.h"
#include "unix.h"

#define FACTS_MAX 2048 /* bytes of facts about the connection */

int tls_available(char const *socket)
{
  return socket || getenv("SSLCTLFD");
}

static void copy(char *to, size_t size, char const *s)
{
  size_t n = strnlen(s, size - 1);
  memcpy(to, s, n);
  to[n] = 0;
}

/* One NAME=value of the facts. */
static void fact(tls_info *info, char const *s)
{
  static struct {
    char const *name;
    size_t at, size;
  } const known[] = {
      {"SSL_PROTOCOL=", offsetof(tls_info, version), sizeof info->version},
      {"SSL_CIPHER=", offsetof(tls_info, cipher), sizeof info->cipher},
      {"SSL_TLS_SNI_SERVERNAME=", offsetof(tls_info, sni), sizeof info->sni},
      {"SSL_PEER_VERIFY=", offsetof(tls_info, verify), sizeof info->verify},
      {"SSL_ERROR=", offsetof(tls_info, error), sizeof info->error}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    size_t n = strlen(known[i].name);
    if (!strncmp(s, known[i].name, n))
      copy((char *)info + known[i].at, known[i].size, s + n);
  }
}

/* s[len] is 0. Whether they tell of a connection that stands. */
static int facts(tls_info *info, char const *s, size_t len)
{
  memset(info, 0, sizeof *info);
  for (char const *end = s + len; s < end; s += strlen(s) + 1) fact(info, s);
  return *info->version != 0;
}

/* A netstring into s[0..FACTS_MAX], byte by byte up to the colon, for what
   follows it is the peer's plaintext. 1, 0 at end of file before it, -1. */
static int netstring(int fd, char *s, size_t *len, io_time deadline)
{
  char c;
  size_t n = 0;
  for (unsigned digits = 0;; digits++) {
    ssize_t r = io_read(fd, &c, 1, deadline);
    if (r <= 0) return r < 0 || digits ? (errno = r ? errno : EPIPE, -1) : 0;
    if (c == ':' && digits) break;
    if (c < '0' || c > '9' || digits == 5) return errno = EPROTO, -1;
    n = n * 10 + (size_t)(c - '0');
  }
  if (n >= FACTS_MAX) return errno = EMSGSIZE, -1;
  if (io_read_all(fd, s, n + 1, deadline) < 0) return -1;
  if (s[n] != ',') return errno = EPROTO, -1;
  s[n] = 0;
  *len = n;
  return 1;
}

/* Asks the service at path: request with fd, then the facts. */
static int ask(char const *path, int fd, char const *request, size_t n,
               int *plain, tls_info *info, io_time deadline)
{
  char s[FACTS_MAX + 1];
  size_t len;
  int r, sock = unix_connect(path, deadline);
  if (sock < 0) return -1;
  r = unix_send_fd(sock, request, n, fd, deadline);
  if (r > 0) r = netstring(sock, s, &len, deadline);
  if (r > 0 && facts(info, s, len)) return *plain = sock, 1;
  /* A service that closes without a word refused us. */
  if (r == 0) r = -1, errno = ECONNREFUSED;
  if (r > 0) r = 0;
  int e = errno;
  close(sock);
  return errno = e, r;
}

static int env_fd(char const *name)
{
  char const *s = getenv(name);
  char *end;
  long n = s ? strtol(s, &end, 10) : -1;
  if (!s || *end || end == s || n < 0 || n > INT_MAX) return errno = EBADF, -1;
  return (int)n;
}

static void done_with_env(void)
{
  unsetenv("SSLCTLFD");
  unsetenv("SSLREADFD");
  unsetenv("SSLWRITEFD");
}

/* UCSPI-TLS: 'Y', then the facts up to the end of file. */
static int ucspi(int *in, int *out, tls_info *info, io_time deadline)
{
  char s[FACTS_MAX + 1];
  size_t n = 0;
  ssize_t r;
  int control = env_fd("SSLCTLFD");
  *in = env_fd("SSLREADFD");
  *out = env_fd("SSLWRITEFD");
  if (control < 0 || *in < 0 || *out < 0) return -1;
  done_with_env();
  if (io_write(control, "Y", 1, deadline) < 0) return -1;
  shutdown(control, SHUT_WR);
  while ((r = io_read(control, s + n, FACTS_MAX - n, deadline)) > 0)
    if ((n += (size_t)r) == FACTS_MAX) break;
  if (control != *in && control != *out) close(control);
  s[n] = 0;
  if (r < 0 && errno != ECONNRESET) return -1;
  fcntl(*in, F_SETFD, FD_CLOEXEC);
  fcntl(*out, F_SETFD, FD_CLOEXEC);
  return facts(info, s, n);
}

/* fd 0 and fd 1 become the plaintext. */
static int replace(int in, int out)
{
  if (in != 0 && dup2(in, 0) < 0) return -1;
  if (out != 1 && dup2(out, 1) < 0) return -1;
  if (in > 1) close(in);
  if (out > 1 && out != in) close(out);
  return 1;
}

int tls_begin(char const *socket, tls_info *info, io_time deadline)
{
  int in = -1, out = -1, r;
  memset(info, 0, sizeof *info);
  if (socket) {
    r = ask(socket, 0, "S", 1, &in, info, deadline);
    out = in;
  } else
    r = ucspi(&in, &out, info, deadline);
  return r > 0 ? replace(in, out) : r;
}

int tls_connect_asked(char const *socket, int fd, stralloc const *options,
                      int *plain, tls_info *info, io_time deadline)
{
  stralloc request = STRALLOC_ZERO;
  char head[16];
  int e, r = -1, n = snprintf(head, sizeof head, "C%zu:", options->len);
  memset(info, 0, sizeof *info);
  if (options->len > TLS_OPTIONS)
    errno = EMSGSIZE;
  else if (stralloc_catb(&request, head, (size_t)n) &&
           stralloc_cat(&request, options) && stralloc_append(&request, ','))
    r = ask(socket, fd, request.s, request.len, plain, info, deadline);
  e = errno;
  stralloc_free(&request);
  close(fd);
  return errno = e, r;
}

int tls_option(stralloc *options, char const *name, char const *value)
{
  return stralloc_cats(options, name) && stralloc_append(options, '=') &&
         stralloc_cats(options, value) && stralloc_0(options);
}

int tls_connect_begin(char const *socket, int fd, char const *host,
                      unsigned flags, int *plain, tls_info *info,
                      io_time deadline)
{
  stralloc options = STRALLOC_ZERO;
  int e, r = -1;
  if (tls_option(&options, "host", host) && tls_option(&options, "sni", host) &&
      (!(flags & TLS_PKIX) || tls_option(&options, "verify", "pkix")))
    r = tls_connect_asked(socket, fd, &options, plain, info, deadline);
  else
    close(fd);
  e = errno;
  stralloc_free(&options);
  return errno = e, r;
}
