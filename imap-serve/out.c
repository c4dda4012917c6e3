#include <string.h>

#include <skalibs/types.h>

#include "io.h"
#include "out.h"
#include "parse.h"

static int spill(out *o, int sync)
{
  io_time until;
  int r = 1;
  if (o->talk) talk_server(o->talk, o->buf, o->len);
  if (!o->dead && (o->len || o->z)) {
    until = io_after(OUT_MS);
    r = o->z ? squeeze_write(o->z, o->fd, o->buf, o->len, sync, until)
             : io_write(o->fd, o->buf, o->len, until);
  }
  if (r < 0) o->dead = 1;
  o->len = 0;
  return o->dead ? -1 : 1;
}

int out_flush(out *o)
{
  return spill(o, 1);
}

char *out_room(out *o, size_t n)
{
  if (OUT_SIZE - o->len < n) spill(o, 0);
  return o->buf + o->len;
}

void out_filled(out *o, size_t n)
{
  o->len += n;
}

void out_put(out *o, char const *s, size_t n)
{
  while (n) {
    size_t room = OUT_SIZE - o->len;
    if (!room) {
      spill(o, 0);
      continue;
    }
    if (room > n) room = n;
    memcpy(o->buf + o->len, s, room);
    o->len += room;
    s += room;
    n -= room;
  }
}

void out_puts(out *o, char const *s)
{
  out_put(o, s, strlen(s));
}

void out_number(out *o, uint64_t n)
{
  char fmt[UINT64_FMT];
  out_put(o, fmt, uint64_fmt(fmt, n));
}

void out_line(out *o, char const *s)
{
  out_puts(o, s);
  out_put(o, "\r\n", 2);
}

static void out_quoted(out *o, char const *s, size_t n)
{
  out_put(o, "\"", 1);
  for (size_t i = 0; i < n; i++) {
    if (s[i] == '"' || s[i] == '\\') out_put(o, "\\", 1);
    out_put(o, s + i, 1);
  }
  out_put(o, "\"", 1);
}

void out_astring(out *o, char const *s, size_t n)
{
  int atom = n > 0, quoted = 1;
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    if (!parse_is_atom(s[i])) atom = 0;
    if (c < 32 || c > 126) quoted = 0;
  }
  if (n == 3 && !strncasecmp(s, "NIL", 3)) atom = 0;
  if (atom) {
    out_put(o, s, n);
  } else if (quoted) {
    out_quoted(o, s, n);
  } else {
    out_put(o, "{", 1);
    out_number(o, n);
    out_puts(o, "}\r\n");
    out_put(o, s, n);
  }
}

void out_name(out *o, char const *s, size_t n)
{
  int plain = 1;
  for (size_t i = 0; i < n; i++) plain &= (unsigned char)s[i] < 127;
  if (plain)
    out_astring(o, s, n);
  else
    out_quoted(o, s, n);
}
