#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"

#define SMALL 4096 /* the buffer of an idle session */
#define CHUNK 2000

struct input_chunk {
  input_chunk *next;
  size_t used, size;
  _Alignas(max_align_t) char data[];
};

int input_init(input *in, int fd, out *o, char const *s, size_t n)
{
  *in = (input){.fd = fd, .o = o, .size = n > SMALL ? n : SMALL};
  in->buf = malloc(in->size);
  if (!in->buf) return -1;
  if (n) memcpy(in->buf, s, n);
  in->end = n;
  return 1;
}

void input_free(input *in)
{
  input_forget(in);
  free(in->buf);
  in->buf = 0;
}

/* Makes room behind what is there: 1, -1 EMSGSIZE or ENOMEM */
static int grow(input *in)
{
  char *p;
  size_t size = in->size * 4 > INPUT_LINE ? INPUT_LINE : in->size * 4;
  if (in->end < in->size) return 1;
  if (in->size >= INPUT_LINE) return errno = EMSGSIZE, -1;
  p = realloc(in->buf, size);
  if (!p) return -1;
  in->buf = p;
  in->size = size;
  return 1;
}

/* What the client wrote; out's compression is both ways. */
static ssize_t receive(input *in, char *to, size_t n, io_time deadline)
{
  return in->o->z ? squeeze_read(in->o->z, in->fd, to, n, deadline)
                  : io_read(in->fd, to, n, deadline);
}

static ssize_t fill(input *in, io_time deadline)
{
  ssize_t r;
  if (out_flush(in->o) < 0) return errno = EPIPE, -1;
  r = receive(in, in->buf + in->end, in->size - in->end, deadline);
  if (r > 0) in->end += (size_t)r;
  return r;
}

static void drop_line(input *in)
{
  if (!in->line) return;
  memmove(in->buf, in->buf + in->line, in->end - in->line);
  in->end -= in->line;
  in->line = in->length = 0;
}

/* Whether s[0..n), with or without a CR at its end, announces a literal. */
static int announces(char const *s, size_t n)
{
  if (n && s[n - 1] == '\r') n--;
  return n && s[n - 1] == '}';
}

/* The line is longer than the buffer: its rest is of no use, but what comes
   behind a literal's size must not be taken for commands. */
static int skip_line(input *in)
{
  for (;;) {
    char *lf = memchr(in->buf, '\n', in->end);
    size_t last = in->end < 2 ? in->end : 2;
    ssize_t r;
    if (lf) {
      int literal = announces(in->buf, (size_t)(lf - in->buf));
      in->line = (size_t)(lf + 1 - in->buf);
      drop_line(in);
      return errno = literal ? EPROTO : EMSGSIZE, -1;
    }
    memmove(in->buf, in->buf + in->end - last, last);
    in->end = last;
    r = fill(in, io_after(INPUT_MS));
    if (r <= 0) return (int)r;
  }
}

int input_line(input *in, io_time first, char **s, size_t *len)
{
  size_t seen = 0;
  drop_line(in);
  for (;;) {
    char *lf = memchr(in->buf + seen, '\n', in->end - seen);
    ssize_t r;
    if (lf) {
      in->line = (size_t)(lf + 1 - in->buf);
      in->length = in->line - 1;
      if (in->length && lf[-1] == '\r') in->length--;
      *s = in->buf;
      *len = in->length;
      if (in->o->talk) talk_client(in->o->talk, *s, *len);
      return 1;
    }
    seen = in->end;
    if (grow(in) < 0) return errno == EMSGSIZE ? skip_line(in) : -1;
    r = fill(in, seen ? io_after(INPUT_MS) : first);
    if (r <= 0) return (int)r;
  }
}

int input_ready(input *in)
{
  drop_line(in);
  while (!memchr(in->buf, '\n', in->end)) {
    ssize_t r = grow(in) < 0 ? 0 : fill(in, io_now());
    if (r <= 0) return r == 0 || errno != ETIMEDOUT;
  }
  return 1;
}

int input_squeeze(input *in)
{
  out *o = in->o;
  size_t more = in->end - in->line;
  if (out_flush(o) < 0) return -1;
  o->z = squeeze_new(in->buf + in->line, more);
  if (!o->z) return -1;
  in->end = in->line;
  return 1;
}

ssize_t input_raw(input *in, char *to, size_t n)
{
  size_t have = in->end - in->line;
  if (have) {
    if (have > n) have = n;
    memcpy(to, in->buf + in->line, have);
    in->line += have;
    return (ssize_t)have;
  }
  if (out_flush(in->o) < 0) return errno = EPIPE, -1;
  return receive(in, to, n, io_after(INPUT_MS));
}

int input_skip(input *in, uint64_t n)
{
  char buf[4096];
  while (n) {
    ssize_t r = input_raw(in, buf, n < sizeof buf ? (size_t)n : sizeof buf);
    if (r <= 0) return -1;
    n -= (uint64_t)r;
  }
  return 1;
}

void *input_keep(input *in, size_t n)
{
  input_chunk *c = in->pool;
  size_t size = n > CHUNK ? n : CHUNK;
  n = (n + 15) & ~(size_t)15;
  if (n > INPUT_COMMAND - in->kept) return errno = EMSGSIZE, (void *)0;
  in->kept += n;
  if (!c || c->size - c->used < n) {
    size = (size + 15) & ~(size_t)15;
    c = malloc(sizeof *c + size);
    if (!c) return 0;
    *c = (input_chunk){.next = in->pool, .size = size};
    in->pool = c;
  }
  c->used += n;
  return c->data + c->used - n;
}

input_mark input_marked(input const *in)
{
  return (input_mark){.pool = in->pool,
                      .used = in->pool ? in->pool->used : 0,
                      .kept = in->kept};
}

void input_release(input *in, input_mark const *m)
{
  while (in->pool != m->pool) {
    input_chunk *next = in->pool->next;
    free(in->pool);
    in->pool = next;
  }
  if (in->pool) in->pool->used = m->used;
  in->kept = m->kept;
}

void input_forget(input *in)
{
  input_release(in, &(input_mark){.pool = 0});
  if (in->size > SMALL && in->end - in->line <= SMALL) {
    char *p;
    drop_line(in);
    p = realloc(in->buf, SMALL);
    if (!p) return;
    in->buf = p;
    in->size = SMALL;
  }
}
