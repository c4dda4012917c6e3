#include <string.h>
#include <strings.h>

#include "encoder-text.h"
#include "header.h"

enum { HEADER, COPY, ENCODE };

static int out(encoder *e, char const *s, size_t len)
{
  return stralloc_catb(&e->out, s, len) ? 1 : -1;
}

void encoder_begin(encoder *e)
{
  e->out.len = e->line.len = e->head.len = 0;
  e->state = HEADER;
  e->digest = e->middle = e->lf = 0;
  e->depth = 0;
  e->column = 0;
  e->blank = 0;
}

static int is_end(char const *s, size_t len)
{
  return (len == 1 && *s == '\n') || (len == 2 && !memcmp(s, "\r\n", 2));
}

/* The only field of that name: 1; 0 none; -1 several, nobody knows which of
   them counts. */
static int only(header_field *f, encoder const *e, char const *name)
{
  header_field second;
  if (!header_find(f, e->head.s, e->head.len, name, 0)) return 0;
  return header_find(&second, e->head.s, e->head.len, name, 1) ? -1 : 1;
}

/* Whether the field's value is that word */
static int says(header_field const *f, char const *word)
{
  char const *s = f->value, *end = s + f->valuelen;
  while (s < end && strchr(" \t\r\n", *s)) s++;
  while (s < end && strchr(" \t\r\n", end[-1])) end--;
  return (size_t)(end - s) == strlen(word) &&
         !strncasecmp(s, word, strlen(word));
}

/* The header with that encoding instead of the one in f */
static int relabel(encoder *e, header_field const *f, char const *word)
{
  char const *end = f->s + f->len, *start = e->head.s;
  size_t lf = f->len > 1 && end[-2] == '\r' ? 2 : 1;
  if (out(e, start, (size_t)(f->s - start)) < 0 ||
      out(e, f->s, f->namelen) < 0 || out(e, ": ", 2) < 0 ||
      out(e, word, strlen(word)) < 0 || out(e, end - lf, lf) < 0)
    return -1;
  return out(e, end, e->head.len - (size_t)(end - start));
}

static int push(encoder *e)
{
  mime_param const *b = mime_params_get(&e->type, "boundary");
  encoder_level *l = e->level + e->depth;
  if (!b || !b->valuelen || b->valuelen > sizeof l->boundary ||
      e->depth == ENCODER_LEVELS)
    return 0;
  memcpy(l->boundary, e->type.text.s + b->value, b->valuelen);
  l->len = b->valuelen;
  l->digest = !strcasecmp(e->type.text.s + e->type.subtype, "digest");
  e->depth++;
  return 1;
}

/* What becomes of the part: its new encoding, if it had one of 8 bits; 0:
   nothing. */
static char const *kind(encoder *e)
{
  char const *type = e->type.text.s + e->type.type;
  char const *subtype = e->type.text.s + e->type.subtype;
  e->state = COPY;
  if (!strcasecmp(type, "multipart")) {
    /* RFC 1847: what is signed is not to be changed */
    if (!strcasecmp(subtype, "signed") || !strcasecmp(subtype, "encrypted"))
      return 0;
    return push(e) ? "7bit" : 0;
  }
  if (!strcasecmp(type, "message")) {
    if (strcasecmp(subtype, "rfc822")) return 0;
    e->state = HEADER;
    return "7bit";
  }
  e->state = ENCODE;
  return "quoted-printable";
}

/* Behind a header, which is in head: its body's state. */
static int header_ends(encoder *e)
{
  header_field type, encoding;
  char const *initial = e->digest ? "message/rfc822" : "text/plain", *word;
  int types = only(&type, e, "Content-Type");
  int encodings = only(&encoding, e, "Content-Transfer-Encoding"), r;
  int wide =
      encodings > 0 && (says(&encoding, "8bit") || says(&encoding, "binary"));
  e->state = COPY;
  e->digest = 0;
  e->column = 0;
  if (types < 0 || encodings < 0) return 1;
  r = types ? mime_params_read(&e->type, type.value, type.valuelen, 1)
            : mime_params_read(&e->type, initial, strlen(initial), 1);
  if (r < 0) return -1;
  word = kind(e);
  if (e->state == ENCODE && !wide) e->state = COPY;
  if (!wide || !word) return 1;
  if (relabel(e, &encoding, word) < 0) return -1;
  e->head.len = 0;
  return 1;
}

static int flush_head(encoder *e)
{
  size_t n = e->head.len;
  e->head.len = 0;
  return out(e, e->head.s, n);
}

/* The level whose boundary the line is, or -1; inner ones first. */
static int boundary(encoder const *e, char const *s, size_t len, int *final)
{
  if (len < 3 || *s != '-' || s[1] != '-') return -1;
  while (len > 2 && strchr(" \t\r\n", s[len - 1])) len--;
  for (unsigned i = e->depth; i--;) {
    encoder_level const *l = e->level + i;
    size_t rest = len - 2 - l->len;
    if (len - 2 < l->len || memcmp(s + 2, l->boundary, l->len)) continue;
    *final = rest == 2 && !memcmp(s + 2 + l->len, "--", 2);
    if (!rest || *final) return (int)i;
  }
  return -1;
}

/* A part ends, maybe in its header, and maybe another begins. */
static int at_boundary(encoder *e, int level, int final, char const *s,
                       size_t len)
{
  if (e->state == HEADER && flush_head(e) < 0) return -1;
  e->depth = (unsigned)level + !final;
  e->digest = !final && e->level[level].digest;
  e->state = final ? COPY : HEADER;
  return out(e, s, len);
}

static int in_header(encoder *e, char const *s, size_t len, int start)
{
  if (!stralloc_catb(&e->head, s, len)) return -1;
  if (e->head.len > ENCODER_HEAD) {
    e->state = COPY;
    return flush_head(e);
  }
  if (!start || !is_end(s, len)) return 1;
  return header_ends(e) < 0 ? -1 : flush_head(e);
}

static int in_text(encoder *e, char const *s, size_t len)
{
  size_t end = 0;
  if (len && s[len - 1] == '\n') end = len > 1 && s[len - 2] == '\r' ? 2 : 1;
  if (encoder_text(e, s, len - end) < 0) return -1;
  return end ? encoder_text_end(e, s + len - end, end) : 1;
}

/* A line, or a piece of a long one */
static int piece(encoder *e, char const *s, size_t len)
{
  int start = !e->middle, final,
      level = start ? boundary(e, s, len, &final) : -1;
  e->middle = s[len - 1] != '\n';
  if (!e->middle) e->lf = len < 2 || s[len - 2] != '\r';
  if (level >= 0) return at_boundary(e, level, final, s, len);
  switch (e->state) {
  case HEADER: return in_header(e, s, len, start);
  case ENCODE: return in_text(e, s, len);
  default: return out(e, s, len);
  }
}

/* What is in line, but for a CR whose LF may follow */
static int pieces(encoder *e, int ended)
{
  size_t n = e->line.len, kept = !ended && e->line.s[n - 1] == '\r';
  if (n == kept) return 1;
  if (piece(e, e->line.s, n - kept) < 0) return -1;
  *e->line.s = '\r';
  e->line.len = kept;
  return 1;
}

int encoder_feed(encoder *e, char const *s, size_t len)
{
  while (len) {
    size_t room = ENCODER_LINE - e->line.len, n = len < room ? len : room;
    char const *lf = memchr(s, '\n', n);
    if (lf) n = (size_t)(lf - s) + 1;
    if (!stralloc_catb(&e->line, s, n)) return -1;
    s += n;
    len -= n;
    if (lf || e->line.len == ENCODER_LINE)
      if (pieces(e, lf != 0) < 0) return -1;
  }
  return 1;
}

int encoder_end(encoder *e)
{
  if (e->line.len && piece(e, e->line.s, e->line.len) < 0) return -1;
  e->line.len = 0;
  if (e->state == HEADER) return flush_head(e);
  return e->state == ENCODE ? encoder_text_end(e, "", 0) : 1;
}

void encoder_free(encoder *e)
{
  stralloc_free(&e->out);
  stralloc_free(&e->line);
  stralloc_free(&e->head);
  mime_params_free(&e->type);
}
