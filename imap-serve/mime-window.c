/* The file through a window that moves: nothing is mapped (another program may
   truncate it) and nothing is held twice. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mime-in.h"

static ssize_t read_at(int fd, char *to, size_t n, uint64_t at)
{
  ssize_t r;
  do r = pread(fd, to, n, (off_t)at);
  while (r < 0 && errno == EINTR);
  return r;
}

int mime_window(mime *m, uint64_t pos, size_t want, char const **s, size_t *len)
{
  size_t have = 0;
  if (pos >= m->size) return *s = m->buf, *len = 0, 1;
  if (want > m->size - pos) want = (size_t)(m->size - pos);
  if (pos >= m->at && pos - m->at < m->len) {
    have = m->len - (size_t)(pos - m->at);
    *s = m->buf + (pos - m->at);
    *len = have;
    if (have >= want) return 1;
    memmove(m->buf, *s, have);
  }
  m->at = pos;
  m->len = have;
  while (m->len < want) {
    size_t room = MIME_WINDOW - m->len;
    ssize_t r;
    if (room > m->size - pos - m->len) room = (size_t)(m->size - pos - m->len);
    r = read_at(m->fd, m->buf + m->len, room, pos + m->len);
    if (r < 0) return -1;
    if (r == 0) return errno = ESTALE, -1;
    m->len += (size_t)r;
  }
  *s = m->buf;
  *len = m->len;
  return 1;
}

int mime_line_get(mime *m, uint64_t pos, uint64_t limit, mime_line *l)
{
  size_t n;
  char const *lf;
  if (limit > m->size) limit = m->size;
  if (pos >= limit) return 0;
  if (mime_window(m, pos, 1, &l->s, &n) < 0) return -1;
  lf = memchr(l->s, '\n', n);
  if (!lf && n <= MIME_FIELD) {
    if (mime_window(m, pos, MIME_FIELD + 1, &l->s, &n) < 0) return -1;
    lf = memchr(l->s, '\n', n);
  }
  l->ended = lf != 0;
  l->len = lf ? (size_t)(lf + 1 - l->s) : n;
  if (l->len > limit - pos) {
    l->len = (size_t)(limit - pos);
    l->ended = 0;
  }
  l->crlf = l->ended && l->len > 1 && l->s[l->len - 2] == '\r';
  if (!l->ended && l->len > 1 && pos + l->len < limit &&
      l->s[l->len - 1] == '\r')
    l->len--;
  return 1;
}

static int blank(char c)
{
  return c == ' ' || c == '\t';
}

static void split(mime_field *f)
{
  char const *colon = memchr(f->s, ':', f->len);
  size_t n = f->len;
  if (n && f->s[n - 1] == '\n') n--;
  if (n && f->s[n - 1] == '\r') n--;
  f->value = f->s;
  f->valuelen = n;
  f->namelen = 0;
  if (!colon) return;
  f->namelen = (size_t)(colon - f->s);
  if (memchr(f->s, '\n', f->namelen)) {
    f->namelen = 0;
    return;
  }
  f->value = colon + 1;
  f->valuelen = n > f->namelen ? n - f->namelen - 1 : 0;
  while (f->namelen && blank(f->s[f->namelen - 1])) f->namelen--;
}

/* Lines behind a field that was cut, and that still belong to it */
static int skip_rest(mime_fields *i)
{
  mime_line l;
  int r;
  i->cut = 0;
  while ((r = mime_line_get(i->m, i->pos, i->end, &l)) > 0) {
    if (!i->inside && !blank(*l.s)) return 1;
    i->pos += l.len;
    i->inside = !l.ended;
  }
  return r;
}

/* Length of the field at s[0..n): it ends before a line that does not begin
   with a blank; n if that line is not in sight. */
static size_t field_length(char const *s, size_t n)
{
  size_t i = 0;
  while (i < n && (!i || blank(s[i]))) {
    char const *lf = memchr(s + i, '\n', n - i);
    if (!lf) return n;
    i = (size_t)(lf + 1 - s);
  }
  return i;
}

int mime_field_next(mime_fields *i, mime_field *f)
{
  char const *s;
  size_t n, len, want = 4096;
  int r;
  if (i->end > i->m->size) i->end = i->m->size;
  if (i->cut && (r = skip_rest(i)) <= 0) return r;
  if (i->pos >= i->end) return 0;
  for (;;) {
    if (mime_window(i->m, i->pos, want, &s, &n) < 0) return -1;
    if (n > i->end - i->pos) n = (size_t)(i->end - i->pos);
    if (s[0] == '\n' || (n > 1 && s[0] == '\r' && s[1] == '\n')) return 0;
    len = field_length(s, n);
    if (len < n || n == i->end - i->pos || want > MIME_FIELD) break;
    want = MIME_FIELD + 1;
  }
  f->s = s;
  f->len = len < MIME_FIELD ? len : MIME_FIELD;
  split(f);
  i->pos += len;
  i->cut = len == n && i->pos < i->end;
  i->inside = s[len - 1] != '\n';
  return 1;
}

int mime_field_is(mime_field const *f, char const *name)
{
  return f->namelen == strlen(name) && !strncasecmp(f->s, name, f->namelen);
}

int mime_part_field(mime *m, mime_part const *p, char const *name, int last,
                    stralloc *out)
{
  mime_fields i = {.m = m, .pos = p->header, .end = p->body};
  mime_field f;
  int r, found = 0;
  out->len = 0;
  while ((r = mime_field_next(&i, &f)) > 0) {
    if (!mime_field_is(&f, name)) continue;
    if (!stralloc_copyb(out, f.value, f.valuelen)) return -1;
    found = 1;
    if (!last) break;
  }
  return r < 0 ? -1 : found;
}

int mime_wire_size(int fd, uint64_t *wire)
{
  char buf[16384];
  uint64_t at = 0;
  char last = 0;
  *wire = 0;
  for (;;) {
    ssize_t n = read_at(fd, buf, sizeof buf, at);
    char const *p = buf;
    if (n < 0) return -1;
    if (n == 0) break;
    while ((p = memchr(p, '\n', (size_t)(buf + n - p)))) {
      *wire += (p > buf ? p[-1] : last) != '\r';
      p++;
    }
    last = buf[n - 1];
    at += (uint64_t)n;
  }
  *wire += at;
  return 1;
}
