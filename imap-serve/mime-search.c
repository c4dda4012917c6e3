/* What SEARCH asks of a message (RFC 3501 6.4.4): substrings of decoded headers
   and text parts. */

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base64.h"
#include "date.h"
#include "mime-binary.h"
#include "mime-text.h"
#include "quoted-printable.h"
#include "utf8.h"

int mime_needle_set(mime_needle *k, char const *s, size_t len)
{
  if (!utf8_valid(s, len)) return errno = EILSEQ, 0;
  k->folded.len = 0;
  return mime_fold(&k->folded, s, len);
}

void mime_needle_free(mime_needle *k)
{
  stralloc_free(&k->folded);
}

void mime_find_reset(mime_find *f)
{
  f->tail.len = 0;
}

int mime_find_feed(mime_find *f, char const *s, size_t len)
{
  stralloc *t = &f->tail;
  size_t keep = f->k->folded.len;
  if (mime_fold(t, s, len) < 0) return -1;
  if (!keep || memmem(t->s, t->len, f->k->folded.s, keep)) return 1;
  if (t->len < keep) return 0;
  memmove(t->s, t->s + t->len - (keep - 1), keep - 1);
  t->len = keep - 1;
  return 0;
}

/* Decoded value, with "Name: " before it if named */
static int field_has(mime_field const *f, mime_find *find, int named)
{
  stralloc s = STRALLOC_ZERO;
  int r = 1;
  mime_find_reset(find);
  if (named && f->namelen)
    r = stralloc_catb(&s, f->s, f->namelen) && stralloc_cats(&s, ": ") ? 1 : -1;
  if (r > 0) r = mime_decode_field(&s, f->value, f->valuelen);
  if (r > 0) r = mime_find_feed(find, s.s ? s.s : "", s.len);
  stralloc_free(&s);
  mime_find_reset(find);
  return r;
}

static int header_has(mime *m, mime_part const *p, char const *name,
                      mime_find *find)
{
  mime_fields i = {.m = m, .pos = p->header, .end = p->body};
  mime_field f;
  int r;
  while ((r = mime_field_next(&i, &f)) > 0) {
    if (name && !mime_field_is(&f, name)) continue;
    r = field_has(&f, find, !name);
    if (r) return r;
  }
  return r;
}

int mime_field_contains(mime *m, char const *name, mime_needle const *k)
{
  mime_find find = {.k = k};
  int r = header_has(m, m->v, name, &find);
  stralloc_free(&find.tail);
  return r;
}

/* A text part on its way through the decoders */
typedef struct decoder {
  int encoding; /* enum mime_encoding */
  unsigned acc;
  mime_conv conv;
  stralloc raw, text;
} decoder;

static int feed(decoder *d, mime_find *find, char const *s, size_t len,
                int last)
{
  int r = 1;
  d->raw.len = d->text.len = 0;
  if (d->encoding == MIME_QP)
    r = qp_decode(&d->raw, s, len, 0);
  else if (d->encoding == MIME_BASE64)
    r = base64_decode_mail(&d->raw, s, len, &d->acc);
  if (r < 0) return -1;
  if (d->encoding == MIME_QP || d->encoding == MIME_BASE64) {
    s = d->raw.s ? d->raw.s : "";
    len = d->raw.len;
  }
  if (mime_conv_feed(&d->conv, &d->text, s, len, last) < 0) return -1;
  return d->text.len ? mime_find_feed(find, d->text.s, d->text.len) : 0;
}

/* Up to the last line end in sight, so that quoted-printable gets whole lines
 */
static int next_chunk(mime *m, uint64_t pos, uint64_t end, char const **s,
                      size_t *len)
{
  char const *lf;
  if (mime_window(m, pos, MIME_FIELD / 4, s, len) < 0) return -1;
  if (*len > end - pos) *len = (size_t)(end - pos);
  if (pos + *len < end && (lf = memrchr(*s, '\n', *len)))
    *len = (size_t)(lf + 1 - *s);
  return 1;
}

static int decode_part(decoder *d, mime *m, mime_part const *p, mime_find *find)
{
  uint64_t pos = p->body;
  int r = 0;
  while (!r && pos < p->end) {
    char const *s;
    size_t len;
    if (next_chunk(m, pos, p->end, &s, &len) < 0) return -1;
    pos += len;
    r = feed(d, find, s, len, pos >= p->end);
  }
  return r;
}

/* 1: it is text, and d can decode it; 0: it is not; -1 */
static int read_type(decoder *d, mime *m, mime_part const *p)
{
  stralloc s = STRALLOC_ZERO;
  mime_params t = {.text = STRALLOC_ZERO};
  mime_param const *charset = 0;
  int is_text = p->kind == MIME_TEXT;
  int r = mime_part_field(m, p, "Content-Type", 0, &s);
  if (r > 0) r = mime_params_read(&t, s.s, s.len, 1);
  if (r > 0) {
    charset = mime_params_get(&t, "charset");
    is_text |= !strcasecmp(t.text.s + t.type, "message");
  }
  if (r >= 0 && is_text)
    r = mime_conv_open(&d->conv, charset ? t.text.s + charset->value : "",
                       charset ? charset->valuelen : 0);
  stralloc_free(&s);
  mime_params_free(&t);
  return r < 0 ? -1 : is_text;
}

static int part_has(mime *m, mime_part const *p, mime_find *find)
{
  decoder d = {.encoding = MIME_PLAIN};
  int r = read_type(&d, m, p);
  mime_find_reset(find);
  if (r > 0) {
    r = d.encoding = mime_part_encoding(m, p);
    if (r >= 0) r = decode_part(&d, m, p, find);
  }
  mime_conv_close(&d.conv);
  stralloc_free(&d.raw);
  stralloc_free(&d.text);
  return r;
}

int mime_text_contains(mime *m, mime_needle const *k, int headers)
{
  mime_find find = {.k = k};
  int r = mime_parse(m) < 0 ? -1 : 0;
  if (!r && !k->folded.len) return 1;
  for (uint32_t i = 0; i < m->n && !r; i++) {
    mime_part const *p = m->v + i;
    int inner = i && m->v[p->parent].kind == MIME_MESSAGE;
    if (headers || inner) r = header_has(m, p, 0, &find);
    if (!r && p->kind <= MIME_TEXT) r = part_has(m, p, &find);
  }
  stralloc_free(&find.tail);
  return r;
}

int mime_date(mime *m, time_t *t, int *offset)
{
  stralloc s = STRALLOC_ZERO;
  int r = mime_part_field(m, m->v, "Date", 1, &s);
  if (r > 0) r = date_parse(s.s, s.len, t, offset);
  stralloc_free(&s);
  return r;
}
