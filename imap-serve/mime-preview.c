/* PREVIEW (RFC 8970): the first words of the first text that people read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mime-binary.h"
#include "mime-text.h"

#define CHARACTERS 200 /* RFC 8970 3.3 */
#define LOOK 262144    /* bytes of a text that are looked at: style sheets */

enum html { WORDS, TAG, ENTITY };

typedef struct preview {
  stralloc *out;
  unsigned n; /* characters */
  int blank;  /* a blank comes before the next one */
  int quotes; /* of others are wanted too */
  int quoted; /* there were some */
  int line;   /* characters of this line, and whether it is a quote */
  int quote;
  int is_html;
  enum html state;
  char word[12]; /* of a tag or an entity */
  size_t wordlen;
  char hidden; /* 's' inside style or script, 0: text is shown */
} preview;

/* One character; 0 when there is no room. -1 */
static int show(preview *p, char const *s, size_t n)
{
  unsigned char c = (unsigned char)*s;
  if (c <= 32 || c == 127 || (n == 2 && c == 0xc2 && s[1] == (char)0xa0)) {
    p->blank = p->out->len > 0;
    return 1;
  }
  if (p->n + (unsigned)p->blank >= CHARACTERS) return 0;
  if (p->blank && !stralloc_append(p->out, ' ')) return -1;
  p->n += 1 + (unsigned)p->blank;
  p->blank = 0;
  return stralloc_catb(p->out, s, n) ? 1 : -1;
}

static int show_plain(preview *p, char const *s, size_t n)
{
  if (*s == '\n') {
    p->line = p->quote = 0;
    return show(p, s, n);
  }
  if (!p->line++ && *s == '>') p->quote = p->quoted = 1;
  return p->quote && !p->quotes ? 1 : show(p, s, n);
}

static int show_code(preview *p, unsigned long c)
{
  char s[4];
  size_t n = 0;
  if (!c || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return 1;
  if (c < 0x80) {
    s[n++] = (char)c;
  } else if (c < 0x800) {
    s[n++] = (char)(0xc0 | c >> 6);
  } else if (c < 0x10000) {
    s[n++] = (char)(0xe0 | c >> 12);
    s[n++] = (char)(0x80 | (c >> 6 & 63));
  } else {
    s[n++] = (char)(0xf0 | c >> 18);
    s[n++] = (char)(0x80 | (c >> 12 & 63));
    s[n++] = (char)(0x80 | (c >> 6 & 63));
  }
  if (c >= 0x80) s[n++] = (char)(0x80 | (c & 63));
  return show(p, s, n);
}

static int entity(preview *p)
{
  static struct {
    char const *name;
    unsigned short code;
  } const known[] = {{"amp", '&'},       {"lt", '<'},       {"gt", '>'},
                     {"quot", '"'},      {"apos", '\''},    {"nbsp", 0xa0},
                     {"auml", 0xe4},     {"ouml", 0xf6},    {"uuml", 0xfc},
                     {"Auml", 0xc4},     {"Ouml", 0xd6},    {"Uuml", 0xdc},
                     {"szlig", 0xdf},    {"eacute", 0xe9},  {"egrave", 0xe8},
                     {"agrave", 0xe0},   {"copy", 0xa9},    {"reg", 0xae},
                     {"rsquo", 0x2019},  {"lsquo", 0x2018}, {"rdquo", 0x201d},
                     {"ldquo", 0x201c},  {"ndash", 0x2013}, {"mdash", 0x2014},
                     {"hellip", 0x2026}, {"bull", 0x2022},  {"euro", 0x20ac}};
  p->word[p->wordlen] = 0;
  if (*p->word == '#') {
    int hex = p->word[1] == 'x' || p->word[1] == 'X';
    return show_code(p, strtoul(p->word + 1 + hex, 0, hex ? 16 : 10));
  }
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (!strcmp(p->word, known[i].name)) return show_code(p, known[i].code);
  return 1;
}

static void tag(preview *p)
{
  char const *w = p->word;
  p->word[p->wordlen] = 0;
  if (!strcasecmp(w, "style") || !strcasecmp(w, "script") ||
      !strcasecmp(w, "title") || !strcasecmp(w, "!--"))
    p->hidden = *w == '!' ? 0 : *w | 32;
  else if (p->hidden && *w == '/' && (w[1] | 32) == p->hidden)
    p->hidden = 0;
  /* what stands in line joins words, all else parts them */
  if (strcasecmp(w, "b") && strcasecmp(w, "i") && strcasecmp(w, "u") &&
      strcasecmp(w, "em") && strcasecmp(w, "span") && strcasecmp(w, "/b") &&
      strcasecmp(w, "/i") && strcasecmp(w, "/u") && strcasecmp(w, "/em") &&
      strcasecmp(w, "/span") && strcasecmp(w, "wbr"))
    p->blank = p->out->len > 0;
}

static int show_html(preview *p, char const *s, size_t n)
{
  char c = *s;
  if (p->state == WORDS && (c == '<' || (c == '&' && !p->hidden))) {
    p->state = c == '<' ? TAG : ENTITY;
    p->wordlen = 0;
    return 1;
  }
  if (p->state == WORDS) return p->hidden ? 1 : show(p, s, n);
  if (p->state == TAG && c == '<') p->wordlen = 0;
  if (p->state == TAG && c == '<') return 1;
  if (p->state == TAG && !p->wordlen && strchr(" \t\r\n0123456789=", c)) {
    int r = p->hidden ? 1 : show(p, "<", 1);
    p->state = WORDS;
    return r > 0 ? show_html(p, s, n) : r;
  }
  if (p->state == TAG && c == '>') {
    p->state = WORDS;
    tag(p);
    return 1;
  }
  if (p->state == ENTITY && (strchr("; <\n", c) || p->wordlen > 8)) {
    p->state = c == '<' ? TAG : WORDS;
    return entity(p);
  }
  if (p->wordlen < sizeof p->word - 1 && c && !strchr(" \t\r\n", c))
    p->word[p->wordlen++] = c;
  else if (p->state == TAG && p->wordlen < sizeof p->word - 1) {
    p->word[p->wordlen++] = 0; /* the attributes are nothing to us */
    while (p->wordlen < sizeof p->word - 1) p->word[p->wordlen++] = 0;
  }
  return 1;
}

/* s is whole UTF-8. 1, 0 enough, -1 */
static int feed(preview *p, char const *s, size_t len)
{
  int r = 1;
  for (size_t i = 0, n; r > 0 && i < len; i += n) {
    for (n = 1; i + n < len && ((unsigned char)s[i + n] & 0xc0) == 0x80;) n++;
    r = (p->is_html ? show_html : show_plain)(p, s + i, n);
  }
  return r;
}

static int read_text(preview *p, mime_binary *b, mime_conv *conv)
{
  stralloc text = STRALLOC_ZERO;
  char const *s;
  size_t n, seen = 0;
  int r = 1;
  while (r > 0 && seen < LOOK && (r = mime_binary_next(b, &s, &n)) > 0) {
    seen += n;
    text.len = 0;
    if (mime_conv_feed(conv, &text, s, n, 0) < 0)
      r = -1;
    else if (text.len)
      r = feed(p, text.s, text.len);
  }
  stralloc_free(&text);
  return r < 0 ? -1 : 1;
}

typedef struct choice {
  uint32_t part;
  int is_html, found;
  stralloc charset;
} choice;

/* 1: it is text that people read, -1; an attachment is not */
static int look_at(mime *m, uint32_t i, choice *c)
{
  stralloc s = STRALLOC_ZERO;
  mime_params t = {.text = STRALLOC_ZERO};
  mime_param const *charset;
  char const *sub = "plain";
  int is_html = 0, r;
  r = mime_part_field(m, m->v + i, "Content-Disposition", 1, &s);
  if (r > 0) r = mime_params_read(&t, s.s, s.len, 0);
  if (r > 0 && !strcasecmp(t.text.s + t.type, "attachment")) goto done;
  if (r >= 0) r = mime_part_field(m, m->v + i, "Content-Type", 0, &s);
  if (r > 0) r = mime_params_read(&t, s.s, s.len, 1);
  if (r < 0) goto done;
  if (r > 0 && t.text.s[t.type]) sub = t.text.s + t.subtype;
  is_html = !strcasecmp(sub, "html");
  if (!is_html && strcasecmp(sub, "plain")) goto done;
  if (c->found && (is_html || !c->is_html)) goto done;
  charset = r > 0 ? mime_params_get(&t, "charset") : 0;
  c->charset.len = 0;
  if (charset &&
      !stralloc_catb(&c->charset, t.text.s + charset->value, charset->valuelen))
    r = -1;
  c->found = 1;
  c->part = i;
  c->is_html = is_html;
done:
  stralloc_free(&s);
  mime_params_free(&t);
  return r < 0 ? -1 : 1;
}

/* Plain text before HTML; what is inside an attached message comes last. */
static int choose(mime *m, choice *c)
{
  for (int inside = 0; inside < 2 && !c->found; inside++)
    for (uint32_t i = 0; i < m->n; i++) {
      int attached = 0;
      if (m->v[i].kind != MIME_TEXT || (c->found && !c->is_html)) continue;
      for (uint32_t up = i; up && !attached; up = m->v[up].parent)
        attached = m->v[m->v[up].parent].kind == MIME_MESSAGE;
      if (attached == inside && look_at(m, i, c) < 0) return -1;
    }
  return 1;
}

static int show_part(mime *m, choice const *c, preview *p)
{
  mime_binary b;
  mime_conv conv = {.utf8 = 0};
  int r =
      mime_conv_open(&conv, c->charset.s ? c->charset.s : "", c->charset.len);
  if (r >= 0) r = mime_binary_part(&b, m, c->part);
  if (r > 0) {
    r = read_text(p, &b, &conv);
    mime_binary_free(&b);
  }
  mime_conv_close(&conv);
  return r;
}

int mime_preview(mime *m, stralloc *out)
{
  choice c = {.charset = STRALLOC_ZERO};
  stralloc text = STRALLOC_ZERO;
  preview p = {.out = &text};
  int r = mime_parse(m);
  if (r > 0) r = choose(m, &c);
  p.is_html = c.is_html;
  if (r > 0 && c.found) r = show_part(m, &c, &p);
  if (r > 0 && !text.len && p.quoted) {
    p = (preview){.out = &text, .quotes = 1};
    r = show_part(m, &c, &p);
  }
  /* without a text that can be read it is empty (3.2) */
  if (r < 0 && errno == EOPNOTSUPP) r = 1;
  if (r > 0) r = mime_put_nstring(out, text.len ? text.s : "", text.len);
  stralloc_free(&c.charset);
  stralloc_free(&text);
  return r < 0 ? -1 : 1;
}
