#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "conf.h"
#include "line.h"
#include "log.h"
#include "route-ask.h"
#include "unix.h"

int ask_name_valid(char const *s, size_t len)
{
  if (!len || len > ASK_NAME || *s == '.') return 0;
  for (size_t i = 0; i < len; i++)
    if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                "0123456789-_.",
                s[i]) ||
        !s[i])
      return 0;
  return 1;
}

/* Where the target at s ends: at a comma outside quotes and brackets */
static size_t target_end(char const *s, size_t len)
{
  int quoted = 0, bracket = 0;
  for (size_t i = 0; i < len; i++) {
    if (s[i] == ',' && !quoted && !bracket) return i;
    if (quoted && s[i] == '\\')
      i++;
    else if (s[i] == '"')
      quoted = !quoted;
    else if (!quoted && (s[i] == '[' || s[i] == ']'))
      bracket = s[i] == '[';
  }
  return len;
}

int ask_text_valid(char const *s, size_t len)
{
  for (size_t i = 0; i < len; i++)
    if ((unsigned char)s[i] < ' ' || s[i] == 127) return 0;
  return 1;
}

int ask_answer(char const *s, size_t len, stralloc *out)
{
  size_t pos = 0;
  if (!ask_text_valid(s, len)) return errno = EPROTO, -1;
  if (len && *s == '!') {
    log_warn("a table says: %.*s", (int)(len > 400 ? 400 : len) - 1, s + 1);
    return errno = EAGAIN, -1;
  }
  while (pos < len) {
    char const *p = s + pos;
    size_t n = target_end(p, len - pos);
    pos += n + 1;
    while (n && *p == ' ') p++, n--;
    while (n && p[n - 1] == ' ') n--;
    if (!n || *p == ':') continue;
    if (out->len && !stralloc_0(out)) return -1;
    if (!stralloc_catb(out, p, n)) return -1;
  }
  return out->len > 0;
}

/* The dialogue on a connected socket */
static int ask(int fd, char const *address, size_t len, stralloc *out,
               io_time deadline)
{
  char query[ADDR_MAX + 1], buf[ASK_LINE + 2], *s;
  line_in in;
  size_t n;
  int r;
  memcpy(query, address, len);
  query[len] = '\n';
  if (io_write(fd, query, len + 1, deadline) < 0) return -1;
  line_init(&in, fd, buf, sizeof buf);
  r = line_get(&in, &s, &n, deadline);
  if (r == 0) errno = EPIPE;
  return r <= 0 ? -1 : ask_answer(s, line_chomp(s, n), out);
}

int ask_socket(char const *name, size_t namelen, char const *address,
               size_t len, stralloc *out, io_time deadline)
{
  char file[ASK_NAME + 1];
  io_time own = io_after(ASK_MS);
  int fd, r, e;
  if (!ask_name_valid(name, namelen) || !len || len > ADDR_MAX)
    return errno = EPROTO, -1;
  if (!ask_text_valid(address, len)) return 0;
  memcpy(file, name, namelen);
  file[namelen] = 0;
  if (own > deadline) own = deadline;
  fd = unix_connect(conf_asked(file), own);
  if (fd < 0) return -1;
  r = ask(fd, address, len, out, own);
  e = errno;
  close(fd);
  return errno = e, r;
}
