/* BODY and BODYSTRUCTURE (RFC 3501 7.4.2). */

#include <string.h>
#include <strings.h>

#include "mime-put.h"

enum { TYPE, ID, DESCRIPTION, ENCODING, MD5, DISPOSITION, LANGUAGE, LOCATION };
#define FIELDS (LOCATION + 1)

static char const *const names[FIELDS] = {
    "Content-Type",        "Content-ID",
    "Content-Description", "Content-Transfer-Encoding",
    "Content-MD5",         "Content-Disposition",
    "Content-Language",    "Content-Location"};

/* One answer in the making; the buffers serve one part after the other. */
typedef struct printer {
  mime *m;
  stralloc *out;
  int extended;
  stralloc v[FIELDS];
  uint8_t seen[FIELDS];
  mime_params params;
} printer;

static int put(printer *p, char const *s)
{
  return mime_put(p->out, s);
}

static int gather(printer *p, mime_part const *part)
{
  mime_fields i = {.m = p->m, .pos = part->header, .end = part->body};
  mime_field f;
  int r;
  memset(p->seen, 0, sizeof p->seen);
  while ((r = mime_field_next(&i, &f)) > 0) {
    if (f.namelen < 8 || strncasecmp(f.s, "content-", 8)) continue;
    for (int k = 0; k < FIELDS; k++) {
      if (!mime_field_is(&f, names[k]) || (p->seen[k] && k == TYPE)) continue;
      if (!stralloc_copyb(p->v + k, f.value, f.valuelen)) return -1;
      p->seen[k] = 1;
    }
  }
  return r;
}

static int put_field(printer *p, int k)
{
  return mime_put_value(p->out, p->seen[k] ? p->v[k].s : 0, p->v[k].len);
}

static int put_text(printer *p, size_t at)
{
  char const *s = p->params.text.s + at;
  return mime_put_nstring(p->out, s, strlen(s));
}

static int put_params(printer *p)
{
  if (!p->params.n) return put(p, "NIL");
  for (unsigned i = 0; i < p->params.n; i++) {
    mime_param const *v = p->params.v + i;
    if (p->out->len > MIME_OUT && i) break;
    if (put(p, i ? " " : "(") < 0 || put_text(p, v->name) < 0 ||
        put(p, " ") < 0 ||
        mime_put_nstring(p->out, p->params.text.s + v->value, v->valuelen) < 0)
      return -1;
  }
  return put(p, ")");
}

/* RFC 2045 6.1: a comment may stand there; the default is 7bit. */
static int put_encoding(printer *p)
{
  stralloc s = STRALLOC_ZERO;
  mime_lex l = {p->v[ENCODING].s, p->v[ENCODING].s + p->v[ENCODING].len};
  int r = p->seen[ENCODING] ? mime_lex_token(&l, &s) : 0;
  if (r == 0) r = stralloc_copys(&s, "7bit") ? 1 : -1;
  if (r > 0) r = mime_put_nstring(p->out, s.s, s.len);
  stralloc_free(&s);
  return r;
}

static int put_disposition(printer *p)
{
  stralloc *v = p->v + DISPOSITION;
  if (!p->seen[DISPOSITION]) return put(p, "NIL");
  if (mime_params_read(&p->params, v->s, v->len, 0) < 0) return -1;
  if (!p->params.text.s[p->params.type]) return put(p, "NIL");
  return put(p, "(") < 0 || put_text(p, p->params.type) < 0 ||
                 put(p, " ") < 0 || put_params(p) < 0 || put(p, ")") < 0
             ? -1
             : 1;
}

static int put_language(printer *p)
{
  stralloc *v = p->v + LANGUAGE, s = STRALLOC_ZERO;
  mime_lex l = {v->s, v->s + v->len};
  unsigned n = 0;
  int c, r = 1;
  while (r >= 0 && p->seen[LANGUAGE] && (c = mime_lex_skip(&l)) >= 0) {
    s.len = 0;
    r = mime_lex_token(&l, &s);
    if (!r) l.s++;
    if (r <= 0) continue;
    r = put(p, n++ ? " " : "(");
    if (r > 0) r = mime_put_nstring(p->out, s.s, s.len);
  }
  stralloc_free(&s);
  return r < 0 ? -1 : put(p, n ? ")" : "NIL");
}

static int put_extension(printer *p, int md5)
{
  if (!p->extended) return 1;
  if (md5 && (put(p, " ") < 0 || put_field(p, MD5) < 0)) return -1;
  return put(p, " ") < 0 || put_disposition(p) < 0 || put(p, " ") < 0 ||
                 put_language(p) < 0 || put(p, " ") < 0 ||
                 put_field(p, LOCATION) < 0
             ? -1
             : 1;
}

/* Type and parameters into p->params, with the defaults of RFC 2045 5.2, which
   also stand for what cannot be read. */
static int read_type(printer *p, mime_part const *part)
{
  stralloc *v = p->v + TYPE;
  mime_params *t = &p->params;
  char const *instead = "text/plain; charset=us-ascii";
  int r;
  if (p->seen[TYPE]) {
    r = mime_params_read(t, v->s, v->len, 1);
    if (r < 0) return -1;
    if (t->text.s[t->type]) {
      if (part->kind != MIME_LEAF) return 1;
      /* a message or multipart that was not looked into has no parts to show */
      if (strcasecmp(t->text.s + t->type, "multipart") &&
          (strcasecmp(t->text.s + t->type, "message") ||
           (strcasecmp(t->text.s + t->subtype, "rfc822") &&
            strcasecmp(t->text.s + t->subtype, "global"))))
        return 1;
      instead = "application/octet-stream";
    }
  } else if (part->digest)
    instead = "message/rfc822";
  return mime_params_read(t, instead, strlen(instead), 1);
}

static int put_body(printer *p, uint32_t i);

/* A multipart has at least one part (RFC 2046 5.1.1): an empty one stands for
   none. */
static int put_nothing(printer *p)
{
  return put(p, p->extended
                    ? "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL "
                      "NIL \"7bit\" 0 0 NIL NIL NIL NIL)"
                    : "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL "
                      "NIL \"7bit\" 0 0)");
}

static int put_multipart(printer *p, mime_part const *part)
{
  uint32_t c = part->child;
  if (!c && put_nothing(p) < 0) return -1;
  for (; c; c = p->m->v[c].next)
    if (put_body(p, c) < 0) return -1;
  if (gather(p, part) < 0 || read_type(p, part) < 0) return -1;
  if (put(p, " ") < 0 || put_text(p, p->params.subtype) < 0) return -1;
  if (!p->extended) return 1;
  if (put(p, " ") < 0 || put_params(p) < 0) return -1;
  return put_extension(p, 0);
}

/* RFC 2046 4.1.2: the default charset is us-ascii. */
static int put_text_params(printer *p, mime_part const *part)
{
  mime_params *t = &p->params;
  if (part->kind != MIME_TEXT || mime_params_get(t, "charset") ||
      mime_params_get(t, "charset*"))
    return put_params(p);
  if (!t->n) return put(p, "(\"charset\" \"us-ascii\")");
  if (put_params(p) < 0) return -1;
  p->out->len--; /* the parenthesis */
  return put(p, " \"charset\" \"us-ascii\")");
}

static void lower(char *s)
{
  for (; *s; s++)
    if (*s >= 'A' && *s <= 'Z') *s = (char)(*s + 32);
}

/* "MESSAGE/RFC822" tells clients that an envelope follows: only the usual
   spelling is surely understood. */
static int put_type(printer *p, mime_part const *part)
{
  if (part->kind == MIME_MESSAGE) {
    lower(p->params.text.s + p->params.type);
    lower(p->params.text.s + p->params.subtype);
  }
  return put_text(p, p->params.type) < 0 || put(p, " ") < 0 ||
                 put_text(p, p->params.subtype) < 0
             ? -1
             : 1;
}

static int put_number(printer *p, uint64_t n)
{
  return put(p, " ") < 0 || mime_put_number(p->out, n) < 0 ? -1 : 1;
}

static int put_single(printer *p, mime_part const *part)
{
  if (gather(p, part) < 0 || read_type(p, part) < 0) return -1;
  if (put_type(p, part) < 0 || put(p, " ") < 0 ||
      put_text_params(p, part) < 0 || put(p, " ") < 0 || put_field(p, ID) < 0 ||
      put(p, " ") < 0 || put_field(p, DESCRIPTION) < 0 || put(p, " ") < 0 ||
      put_encoding(p) < 0 || put_number(p, part->bodywire) < 0)
    return -1;
  if (part->kind == MIME_MESSAGE) {
    if (put(p, " ") < 0 ||
        mime_put_envelope(p->m, p->m->v + part->child, p->out) < 0 ||
        put(p, " ") < 0 || put_body(p, part->child) < 0)
      return -1;
    if (p->extended && gather(p, part) < 0) return -1;
  }
  if (part->kind >= MIME_TEXT && put_number(p, part->bodylines) < 0) return -1;
  return put_extension(p, 1);
}

/* Recursion is bounded by MIME_LEVELS. */
static int put_body(printer *p, uint32_t i)
{
  mime_part const *part = p->m->v + i;
  if (put(p, "(") < 0) return -1;
  if ((part->kind == MIME_MULTIPART ? put_multipart : put_single)(p, part) < 0)
    return -1;
  return put(p, ")");
}

static int print(mime *m, stralloc *out, int extended)
{
  printer p = {.m = m, .out = out, .extended = extended};
  int r = mime_parse(m);
  if (r > 0) r = put_body(&p, 0);
  for (int i = 0; i < FIELDS; i++) stralloc_free(p.v + i);
  mime_params_free(&p.params);
  return r;
}

int mime_body(mime *m, stralloc *out)
{
  return print(m, out, 0);
}

int mime_bodystructure(mime *m, stralloc *out)
{
  return print(m, out, 1);
}
