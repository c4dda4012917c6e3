/* Sections (RFC 3501 6.4.5): which bytes a BODY[…] is, and the stream of them
   with CRLF line ends. */

#include <string.h>
#include <strings.h>

#include "mime-in.h"

static int word(mime_section *s, char const *w, size_t n)
{
  static struct {
    char const *name;
    int what;
  } const words[] = {{"HEADER", MIME_HEADER},
                     {"HEADER.FIELDS", MIME_FIELDS},
                     {"HEADER.FIELDS.NOT", MIME_FIELDS_NOT},
                     {"TEXT", MIME_BODYTEXT},
                     {"MIME", MIME_MIME}};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strlen(words[i].name) == n && !strncasecmp(w, words[i].name, n)) {
      s->what = words[i].what;
      return s->what != MIME_MIME || s->depth;
    }
  return 0;
}

int mime_section_scan(mime_section *s, char const *spec, size_t len)
{
  size_t i = 0;
  s->depth = 0;
  s->what = MIME_ALL;
  s->n = 0;
  while (i < len && spec[i] >= '1' && spec[i] <= '9') {
    uint32_t n = 0;
    for (; i < len && spec[i] >= '0' && spec[i] <= '9'; i++) {
      if (n > UINT32_MAX / 10 - 1) return 0;
      n = n * 10 + (uint32_t)(spec[i] - '0');
    }
    if (s->depth == MIME_LEVELS) return 0;
    s->path[s->depth++] = n;
    if (i == len) return 1;
    if (spec[i++] != '.' || i == len) return 0;
  }
  return i == len || word(s, spec + i, len - i);
}

/* Part n of one that has the parts: of a message its multipart's; what is not
   multipart has itself as part 1 (RFC 3501 6.4.5). Index, or UINT32_MAX. */
static uint32_t nth(mime const *m, uint32_t i, uint32_t n, int *self)
{
  uint32_t c;
  if (m->v[i].kind == MIME_MESSAGE && (i || *self)) {
    i = m->v[i].child;
    *self = 0;
  }
  if (m->v[i].kind != MIME_MULTIPART) {
    int message = i == 0 || m->v[m->v[i].parent].kind == MIME_MESSAGE;
    if (n != 1 || !message || *self) return UINT32_MAX;
    *self = 1;
    return i;
  }
  for (c = m->v[i].child; c && n > 1; c = m->v[c].next) n--;
  *self = 0;
  return c && n ? c : UINT32_MAX;
}

static int set(mime_data *d, uint64_t begin, uint64_t end, uint64_t wire)
{
  d->begin = d->pos = begin;
  d->end = end;
  d->size = wire;
  d->exact = wire == end - begin;
  return 1;
}

static int set_header(mime_data *d, mime_part const *p)
{
  return set(d, p->header, p->body, p->headerwire);
}

static int set_body(mime_data *d, mime_part const *p)
{
  return set(d, p->body, p->end, p->bodywire);
}

static int locate(mime_data *d, mime_section const *s)
{
  mime const *m = d->m;
  uint32_t i = 0;
  int self = 0;
  for (uint32_t k = 0; k < s->depth; k++) {
    i = nth(m, i, s->path[k], &self);
    if (i == UINT32_MAX) return 0;
  }
  d->part = i;
  if (s->what == MIME_MIME) return s->depth ? set_header(d, m->v + i) : 0;
  if (s->what == MIME_ALL) {
    if (s->depth) return set_body(d, m->v + i);
    return set(d, 0, m->size, m->wire);
  }
  if (s->what == MIME_BODYTEXT && !s->depth)
    return set(d, m->v->body, m->size, m->wire - m->v->headerwire);
  if (s->depth) {
    if (m->v[i].kind != MIME_MESSAGE) return 0;
    i = m->v[i].child;
  }
  return (s->what == MIME_BODYTEXT ? set_body : set_header)(d, m->v + i);
}

static int wanted(mime_section const *s, mime_line const *l)
{
  char const *colon = memchr(l->s, ':', l->len);
  mime_field f = {.s = l->s, .namelen = colon ? (size_t)(colon - l->s) : 0};
  int found = 0;
  while (f.namelen && strchr(" \t", f.s[f.namelen - 1])) f.namelen--;
  for (size_t i = 0; i < s->n && !found; i++)
    found = mime_field_is(&f, s->names[i]);
  return found == (s->what == MIME_FIELDS);
}

/* At the start of a header line: whether it goes out. The empty line does, and
   is the last. 1, 0 at the end, -1 */
static int choose(mime_data *d)
{
  mime_line l;
  int r;
  if (d->state) return 0;
  r = mime_line_get(d->m, d->pos, d->end, &l);
  if (r <= 0) return r;
  if (l.ended && l.len == (l.crlf ? 2U : 1U))
    d->copy = d->state = 1;
  else if (*l.s != ' ' && *l.s != '\t')
    d->copy = (uint8_t)wanted(d->section, &l);
  d->line = 0;
  return 1;
}

static void rewind_data(mime_data *d)
{
  d->pos = d->begin;
  d->done = 0;
  d->copy = d->section->what == MIME_FIELDS_NOT;
  d->cr = d->state = 0;
  d->line = 1;
}

/* Some bytes: > 0 how many, 0: none but go on, -1 */
static ssize_t step(mime_data *d, char *to, size_t n)
{
  char const *s, *lf;
  size_t len, k;
  if (mime_window(d->m, d->pos, 1, &s, &len) < 0) return -1;
  if (len > d->end - d->pos) len = (size_t)(d->end - d->pos);
  lf = memchr(s, '\n', len);
  k = lf ? (size_t)(lf - s) : len;
  if (d->filter && !d->copy) {
    d->pos += k + (lf != 0);
    d->line = lf != 0;
    return 0;
  }
  if (k > n) k = n;
  if (k) {
    memcpy(to, s, k);
    d->pos += k;
    d->cr = s[k - 1] == '\r';
    return (ssize_t)k;
  }
  if (!d->cr) {
    *to = '\r';
    return d->cr = 1;
  }
  *to = '\n';
  d->pos++;
  d->cr = 0;
  return d->line = 1;
}

static ssize_t read_exact(mime_data *d, char *to, size_t n)
{
  char const *s;
  size_t len;
  if (n > d->end - d->pos) n = (size_t)(d->end - d->pos);
  if (mime_window(d->m, d->pos, 1, &s, &len) < 0) return -1;
  if (n > len) n = len;
  memcpy(to, s, n);
  d->pos += n;
  return (ssize_t)n;
}

ssize_t mime_data_read(mime_data *d, char *to, size_t n)
{
  size_t got = 0;
  while (got < n && d->pos < d->end) {
    ssize_t r;
    if (d->filter && d->line) {
      r = choose(d);
      if (r < 0) return -1;
      if (!r) break;
    }
    r = d->exact && !d->filter ? read_exact(d, to + got, n - got)
                               : step(d, to + got, n - got);
    if (r < 0) return -1;
    got += (size_t)r;
  }
  d->done += got;
  return (ssize_t)got;
}

static int pass_over(mime_data *d, uint64_t n)
{
  char buf[8192];
  while (n) {
    ssize_t r = mime_data_read(d, buf, n < sizeof buf ? (size_t)n : sizeof buf);
    if (r <= 0) return (int)r;
    n -= (uint64_t)r;
  }
  return 1;
}

int mime_data_seek(mime_data *d, uint64_t to)
{
  if (to > d->size) to = d->size;
  if (to < d->done) rewind_data(d);
  if (!d->exact || d->filter) return pass_over(d, to - d->done) < 0 ? -1 : 1;
  d->pos = d->begin + to;
  d->done = to;
  return 1;
}

void mime_data_part(mime_data *d, mime *m, uint32_t part)
{
  static mime_section const all;
  *d = (mime_data){.m = m, .section = &all, .part = part};
  set_body(d, m->v + part);
  rewind_data(d);
}

/* m->wire without looking at the parts: most clients ask for whole messages
   only. 1 or -1 */
static int count_wire(mime *m)
{
  uint64_t at = 0, wire = m->size;
  char last = 0;
  while (!m->wire && at < m->size) {
    char const *s, *lf;
    size_t n;
    if (mime_window(m, at, 1, &s, &n) < 0) return -1;
    for (size_t i = 0; (lf = memchr(s + i, '\n', n - i)); i++) {
      i = (size_t)(lf - s);
      wire += (i ? lf[-1] : last) != '\r';
    }
    last = s[n - 1];
    at += n;
  }
  if (!m->wire) m->wire = wire;
  return 1;
}

int mime_data_open(mime_data *d, mime *m, mime_section const *s)
{
  int r;
  *d = (mime_data){.m = m, .section = s};
  if (s->depth ? mime_parse(m) < 0
               : (s->what == MIME_ALL || s->what == MIME_BODYTEXT) &&
                     count_wire(m) < 0)
    return -1;
  r = locate(d, s);
  if (r <= 0) return r;
  d->filter = s->what == MIME_FIELDS || s->what == MIME_FIELDS_NOT;
  rewind_data(d);
  if (!d->filter) return 1;
  if (pass_over(d, UINT64_MAX) < 0) return -1;
  d->size = d->done;
  rewind_data(d);
  return 1;
}
