#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parcel.h"

#define LENGTH_DIGITS 6 /* of PARCEL_CHUNK + 1 */
#define BUFFER (PARCEL_CHUNK + 1 + LENGTH_DIGITS + 2 + 1)

static int buffer_new(char **buf, size_t *size)
{
  *size = BUFFER;
  *buf = malloc(BUFFER);
  return *buf ? 1 : -1;
}

int parcel_in_init(parcel_in *in, int fd)
{
  *in = (parcel_in){.fd = fd};
  return buffer_new(&in->buf, &in->size);
}

int parcel_out_init(parcel_out *out, int fd, int report)
{
  *out = (parcel_out){.fd = fd, .report = report};
  return buffer_new(&out->buf, &out->size);
}

void parcel_in_free(parcel_in *in)
{
  free(in->buf);
  *in = (parcel_in){.fd = -1};
}

void parcel_out_free(parcel_out *out)
{
  free(out->buf);
  *out = (parcel_out){.fd = -1, .report = -1};
}

/* Reads on until n bytes are there: 1, 0 (end of file), -1 */
static int want(parcel_in *in, size_t n, io_time deadline)
{
  while (in->end - in->pos < n) {
    ssize_t r;
    if (in->pos + n > in->size) {
      memmove(in->buf, in->buf + in->pos, in->end - in->pos);
      in->end -= in->pos;
      in->pos = 0;
    }
    r = io_read(in->fd, in->buf + in->end, in->size - in->end, deadline);
    if (r <= 0) return (int)r;
    in->end += (size_t)r;
  }
  return 1;
}

/* The netstring's length, and in *used the bytes it took: 1, 0, -1 */
static int length(parcel_in *in, size_t *len, size_t *used, io_time deadline)
{
  *len = 0;
  for (*used = 0;; ++*used) {
    char c;
    int r = want(in, *used + 1, deadline);
    if (r <= 0) return r < 0 ? r : *used ? (errno = EPIPE, -1) : 0;
    c = in->buf[in->pos + *used];
    if (c == ':' && *used) break;
    if (c < '0' || c > '9' || *used == LENGTH_DIGITS ||
        (*used == 1 && *len == 0))
      return errno = EPROTO, -1;
    *len = *len * 10 + (size_t)(c - '0');
  }
  ++*used;
  return 1;
}

/* A report repeats it on a line: an id with a newline could write reports. */
static int id_is_good(char const *s, size_t len)
{
  static char const letters[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return len && len <= PARCEL_ID && strspn(s, letters) == len;
}

int parcel_get(parcel_in *in, parcel_record *rec, io_time deadline)
{
  size_t len, used;
  char *s;
  int r;
  if (in->pos == in->end) in->pos = in->end = 0;
  r = length(in, &len, &used, deadline);
  if (r <= 0) return r;
  if (len < 1 || len > PARCEL_CHUNK + 1) return errno = EPROTO, -1;
  r = want(in, used + len + 1, deadline);
  if (r <= 0) return r < 0 ? r : (errno = EPIPE, -1);
  s = in->buf + in->pos + used;
  if (s[len] != ',') return errno = EPROTO, -1;
  if (*s != PARCEL_MESSAGE && len > PARCEL_RECORD) return errno = EPROTO, -1;
  s[len] = 0;
  if (*s == PARCEL_BEGIN && !id_is_good(s + 1, len - 1))
    return errno = EPROTO, -1;
  in->pos += used + len + 1;
  *rec = (parcel_record){*s, s + 1, len - 1};
  return 1;
}

/* States: 0 outside, 'I' client facts, 'F' recipients, 'M' the rest */
int parcel_order(char *state, char type)
{
  if (*state == 0) {
    if (type != PARCEL_BEGIN) return errno = EPROTO, -1;
    *state = 'I';
    return 1;
  }
  switch (type) {
  case PARCEL_BEGIN: return errno = EPROTO, -1;
  case PARCEL_CLIENT:
    if (*state != 'I') return errno = EPROTO, -1;
    return 1;
  case PARCEL_FROM:
    if (*state != 'I') return errno = EPROTO, -1;
    *state = 'F';
    return 1;
  case PARCEL_TO:
    if (*state != 'F') return errno = EPROTO, -1;
    return 1;
  case PARCEL_MESSAGE:
    if (*state == 'I') return errno = EPROTO, -1;
    *state = 'M';
    return 1;
  case PARCEL_END: *state = 0; return 1;
  default: return 1;
  }
}

int parcel_next(parcel_in *in, parcel_record *r, char *state)
{
  int got = parcel_get(in, r, *state ? io_after(PARCEL_MS) : IO_FOREVER);
  if (got == 0 && *state) return errno = EPIPE, -1;
  return got > 0 && parcel_order(state, r->type) < 0 ? -1 : got;
}

int parcel_flush(parcel_out *out, io_time deadline)
{
  size_t n = out->len, done;
  int r;
  if (!n) return 1;
  r = io_write_watch(out->fd, out->buf, n, out->report, &done, deadline);
  memmove(out->buf, out->buf + done, n - done);
  out->len -= done;
  return r;
}

static size_t length_put(char *to, size_t n)
{
  char digits[20];
  size_t i = sizeof digits, len;
  do digits[--i] = (char)('0' + n % 10);
  while (n /= 10);
  len = sizeof digits - i;
  memcpy(to, digits + i, len);
  to[len++] = ':';
  return len;
}

int parcel_put(parcel_out *out, char type, void const *s, size_t len,
               io_time deadline)
{
  if (len > (type == PARCEL_MESSAGE ? PARCEL_CHUNK : PARCEL_RECORD - 1))
    return errno = EMSGSIZE, -1;
  if (out->size - out->len < len + LENGTH_DIGITS + 3) {
    int r = parcel_flush(out, deadline);
    if (r <= 0) return r;
  }
  out->len += length_put(out->buf + out->len, len + 1);
  out->buf[out->len++] = type;
  if (len) memcpy(out->buf + out->len, s, len);
  out->len += len;
  out->buf[out->len++] = ',';
  return 1;
}

int parcel_puts(parcel_out *out, char type, char const *s, io_time deadline)
{
  return parcel_put(out, type, s, strlen(s), deadline);
}

int parcel_put_message(parcel_out *out, void const *s, size_t len,
                       io_time deadline)
{
  char const *p = s;
  while (len) {
    size_t n = len > PARCEL_CHUNK ? PARCEL_CHUNK : len;
    int r = parcel_put(out, PARCEL_MESSAGE, p, n, deadline);
    if (r <= 0) return r;
    p += n;
    len -= n;
  }
  return 1;
}
