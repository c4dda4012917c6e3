/* The tree of parts (RFC 2046), in one pass. An outer boundary ends inner parts
   (5.1.2), a line only has to begin with the boundary (5.1.1), the longest
   boundary that fits is meant, and what is missing at the end is forgiven. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "mime-in.h"

/* A place in the file and what was counted before it */
typedef struct spot {
  uint64_t at, lines, bare;
} spot;

typedef struct level {
  uint32_t part;
  uint8_t closed, digest, len;
  char boundary[MIME_BOUNDARY];
} level;

typedef struct parser {
  mime *m;
  spot now, before; /* before: without the last line end */
  level stack[MIME_LEVELS];
  unsigned depth;
  uint32_t current;
  int full;
} parser;

static void advance(parser *p, mime_line const *l)
{
  p->now.at += l->len;
  if (!l->ended) return;
  p->before = p->now;
  p->before.at -= l->crlf ? 2 : 1;
  p->now.lines++;
  if (!l->crlf) p->now.bare++;
}

static void part_new(parser *p, uint32_t parent)
{
  mime *m = p->m;
  mime_part *v = m->v + m->n;
  memset(v, 0, sizeof *v);
  v->header = v->body = v->end = p->now.at;
  v->headerwire = p->now.bare; /* until the header's end is known */
  if (m->n) {
    mime_part *up = m->v + parent;
    uint32_t *link = &up->child;
    while (*link) link = &m->v[*link].next;
    *link = m->n;
    up->children++;
    v->parent = parent;
    v->level = (uint16_t)(up->level + 1);
  }
  p->current = m->n++;
}

static void header_ends(parser *p)
{
  mime_part *v = p->m->v + p->current;
  v->body = p->now.at;
  v->headerwire = v->body - v->header + p->now.bare - v->headerwire;
  v->bodywire = p->now.bare; /* until the body's end is known */
  v->bodylines = p->now.lines;
}

static void part_ends(mime_part *v, spot const *s)
{
  v->end = s->at;
  v->bodywire = v->end - v->body + s->bare - v->bodywire;
  v->bodylines = s->lines - v->bodylines;
}

static int hex(char c)
{
  if (c >= '0' && c <= '9') return c - '0';
  c |= 32;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* charset'language'%61%62 (RFC 2231 4) in place: where the value begins */
static char *decode_extended(char *s)
{
  char *in = strchr(s, '\''), *to = s;
  in = in ? strchr(in + 1, '\'') : 0;
  in = in ? in + 1 : s;
  for (; *in; in++) {
    if (*in == '%' && hex(in[1]) >= 0 && hex(in[2]) >= 0) {
      *to++ = (char)(hex(in[1]) << 4 | hex(in[2]));
      in += 2;
    } else
      *to++ = *in;
  }
  *to = 0;
  return s;
}

static void push(parser *p, mime_params const *t)
{
  mime_param const *b = mime_params_get(t, "boundary");
  level *l = p->stack + p->depth;
  char *s = b ? t->text.s + b->value : 0;
  size_t n;
  if (!b && (b = mime_params_get(t, "boundary*")))
    s = decode_extended(t->text.s + b->value);
  n = s ? strlen(s) : 0;
  while (n && strchr(" \t", s[n - 1])) n--;
  if (!n) return;
  l->part = p->current;
  l->closed = 0;
  l->digest = !strcasecmp(t->text.s + t->subtype, "digest");
  l->len = n < MIME_BOUNDARY ? (uint8_t)n : MIME_BOUNDARY;
  memcpy(l->boundary, s, l->len);
  p->depth++;
}

static void classify(parser *p, mime_params const *t)
{
  mime_part *v = p->m->v + p->current;
  char const *type = t->text.s + t->type, *subtype = t->text.s + t->subtype;
  int deep = p->depth == MIME_LEVELS || v->level + 1 >= MIME_LEVELS;
  if (!*type || !strcasecmp(type, "text"))
    v->kind = MIME_TEXT;
  else if (!strcasecmp(type, "multipart")) {
    if (deep) return;
    v->kind = MIME_MULTIPART;
    push(p, t);
  } else if (!strcasecmp(type, "message") &&
             (!strcasecmp(subtype, "rfc822") || !strcasecmp(subtype, "global")))
    v->kind = deep || p->m->n == MIME_PARTS ? MIME_LEAF : MIME_MESSAGE;
}

/* Behind a header: what its body is. 1, -1 */
static int type_read(parser *p)
{
  mime_params t = {.text = STRALLOC_ZERO};
  stralloc s = STRALLOC_ZERO;
  mime_part *v = p->m->v + p->current;
  int r = mime_part_field(p->m, v, "Content-Type", 0, &s);
  if (r == 0)
    r = stralloc_copys(&s, v->digest ? "message/rfc822" : "text/plain") ? 1
                                                                        : -1;
  if (r > 0) r = mime_params_read(&t, s.s, s.len, 1);
  if (r > 0) classify(p, &t);
  mime_params_free(&t);
  stralloc_free(&s);
  return r;
}

/* Whether the line is a boundary: the level it belongs to, or -1 */
static int boundary(parser const *p, mime_line const *l, int *final)
{
  char const *s = l->s + 2;
  size_t n = l->len;
  int best = -1;
  if (p->full || n < 3 || l->s[0] != '-' || l->s[1] != '-') return -1;
  while (n > 2 && strchr(" \t\r\n", l->s[n - 1]) && l->s[n - 1]) n--;
  n -= 2;
  for (int i = (int)p->depth - 1; i >= 0; i--) {
    level const *v = p->stack + i;
    size_t rest;
    if (v->closed || v->len > n || memcmp(s, v->boundary, v->len)) continue;
    if (best >= 0 && p->stack[best].len >= v->len) continue;
    best = i;
    rest = n - v->len;
    if (!rest || (rest == 2 && !memcmp(s + v->len, "--", 2))) break;
  }
  if (best < 0) return -1;
  n -= p->stack[best].len;
  s += p->stack[best].len;
  *final = n >= 2 && s[0] == '-' && s[1] == '-';
  return best;
}

/* The current part and those around it end, up to the one at level k. */
static void close_parts(parser *p, uint32_t upto, spot const *s)
{
  for (; p->current != upto; p->current = p->m->v[p->current].parent)
    part_ends(p->m->v + p->current, s);
}

/* 1: a part begins, 0: body goes on */
static int at_boundary(parser *p, int k, int final, mime_line const *l)
{
  spot stop = p->now;
  if (p->before.at >= p->m->v[p->current].body &&
      p->now.at > p->m->v[p->current].body)
    stop = p->before;
  close_parts(p, p->stack[k].part, &stop);
  p->depth = (unsigned)k + 1;
  advance(p, l);
  if (final) {
    p->stack[k].closed = 1;
    return 0;
  }
  part_new(p, p->stack[k].part);
  p->m->v[p->current].digest = p->stack[k].digest;
  return 1;
}

static int is_empty(mime_line const *l)
{
  return l->ended && l->len == (l->crlf ? 2U : 1U);
}

/* Reads on to the end of the header or body, whichever it is in. 1: a boundary
   (level in *k), 0: it ended by itself, -1 */
static int read_lines(parser *p, int header, int *k, int *final, mime_line *l)
{
  int start = 1, r;
  while ((r = mime_line_get(p->m, p->now.at, UINT64_MAX, l)) > 0) {
    if (start && p->depth && *l->s == '-') {
      *k = boundary(p, l, final);
      if (*k >= 0 && !*final && p->m->n == MIME_PARTS) p->full = 1;
      if (*k >= 0 && !p->full) return 1;
    }
    advance(p, l);
    if (header && start && is_empty(l)) return 0;
    start = l->ended;
  }
  return r;
}

static int read_header(parser *p, int *k, int *final, mime_line *l)
{
  int r = read_lines(p, 1, k, final, l);
  if (r < 0) return -1;
  header_ends(p);
  /* the line that type_read moves out of the window is read again */
  return type_read(p) < 0 ? -1 : r;
}

static int parse(parser *p)
{
  mime_line l;
  int header = 1, k = 0, final = 0, r;
  for (;;) {
    if (header) {
      uint32_t part = p->current;
      r = read_header(p, &k, &final, &l);
      if (r < 0) return -1;
      if (p->m->v[part].kind == MIME_MESSAGE) {
        part_new(p, part);
        if (!r) continue;
        header_ends(p);
        p->m->v[p->current].kind = MIME_TEXT;
      }
      if (r && mime_line_get(p->m, p->now.at, UINT64_MAX, &l) < 0) return -1;
    } else
      r = 0;
    if (!r) r = read_lines(p, 0, &k, &final, &l);
    if (r <= 0) break;
    header = at_boundary(p, k, final, &l);
  }
  if (r < 0) return -1;
  close_parts(p, 0, &p->now);
  part_ends(p->m->v, &p->now);
  p->m->wire = p->m->size + p->now.bare;
  return 1;
}

int mime_parse(mime *m)
{
  parser *p;
  int r;
  if (m->whole) return 1;
  p = malloc(sizeof *p);
  if (!p) return -1;
  p->m = m;
  p->now = p->before = (spot){0};
  p->depth = 0;
  p->full = 0;
  m->n = 0;
  part_new(p, 0);
  r = parse(p);
  free(p);
  m->whole = r > 0;
  return r;
}

int mime_open(mime *m, int fd)
{
  struct stat st;
  parser p;
  int k, final;
  mime_line l;
  if (fstat(fd, &st) < 0) return -1;
  if (!m->buf && !(m->buf = malloc(MIME_WINDOW))) return -1;
  if (!m->v && !(m->v = calloc(MIME_PARTS, sizeof *m->v))) return -1;
  m->fd = fd;
  m->size = (uint64_t)st.st_size;
  m->wire = m->at = m->len = m->n = 0;
  m->whole = 0;
  p.m = m;
  p.now = p.before = (spot){0};
  p.depth = 0;
  p.full = 0;
  part_new(&p, 0);
  if (read_lines(&p, 1, &k, &final, &l) < 0) return -1;
  header_ends(&p);
  m->v[0].bodywire = m->v[0].bodylines = 0;
  return 1;
}

void mime_free(mime *m)
{
  free(m->buf);
  free(m->v);
  *m = (mime)MIME_ZERO;
}
