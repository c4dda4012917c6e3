#include <string.h>
#include <strings.h>

#include "fetch.h"

#define ITEMS_MAX 256

typedef struct item_list {
  fetch_item *first, **end;
  unsigned n;
} item_list;

static struct {
  char const *name;
  int kind;
} const simple[] = {{"FLAGS", FETCH_FLAGS},
                    {"UID", FETCH_UID},
                    {"INTERNALDATE", FETCH_DATE},
                    {"RFC822.SIZE", FETCH_SIZE},
                    {"ENVELOPE", FETCH_ENVELOPE},
                    {"BODY", FETCH_BODY},
                    {"BODYSTRUCTURE", FETCH_STRUCTURE},
                    {"PREVIEW", FETCH_PREVIEW},
                    {"EMAILID", FETCH_EMAILID},
                    {"THREADID", FETCH_THREADID}};

static struct {
  char const *name;
  int what, peek;
} const whole[] = {{"RFC822", MIME_ALL, 0},
                   {"RFC822.HEADER", MIME_HEADER, 1},
                   {"RFC822.TEXT", MIME_BODYTEXT, 0}};

static int fail(parse *p, char const *why)
{
  if (!p->error) p->error = why;
  return 0;
}

static fetch_item *add(parse *p, item_list *l, int kind)
{
  fetch_item *i;
  if (l->n++ == ITEMS_MAX) return fail(p, "Too many items"), (fetch_item *)0;
  i = input_keep(p->in, sizeof *i);
  if (!i) {
    p->no = "[LIMIT] Command too long";
    fail(p, "");
    return 0;
  }
  *i = (fetch_item){.kind = kind};
  *l->end = i;
  l->end = &i->next;
  return i;
}

static size_t word_length(parse const *p)
{
  char const *s = p->s;
  while (s < p->end && *s != '[' && parse_is_atom(*s)) s++;
  return (size_t)(s - p->s);
}

static int is(char const *s, size_t len, char const *word)
{
  return strlen(word) == len && !strncasecmp(s, word, len);
}

/* "(" name *(SP name) ")" behind HEADER.FIELDS */
static int names(parse *p, fetch_item *i)
{
  char const **v;
  if (!parse_sp(p) || !parse_char(p, '(')) return 0;
  v = input_keep(p->in, PARSE_LISTED * sizeof *v / 4);
  if (!v) return fail(p, "Too many names");
  do {
    text t;
    if (i->section.n == PARSE_LISTED / 4) return fail(p, "Too many names");
    if (i->section.n && !parse_sp(p)) return 0;
    if (!parse_astring(p, &t)) return 0;
    v[i->section.n++] = t.s;
  } while (!parse_peek(p, ')'));
  p->s++;
  i->section.names = v;
  return 1;
}

/* "<0.2048>" */
static int partial(parse *p, fetch_item *i)
{
  if (!parse_peek(p, '<')) return 1;
  p->s++;
  i->partial = 1;
  if (!parse_number(p, &i->from) || !parse_char(p, '.') ||
      !parse_number(p, &i->count) || !parse_char(p, '>'))
    return 0;
  return i->count ? 1 : fail(p, "Invalid partial");
}

static struct {
  char const *name, *label;
  int kind, peek;
} const bracketed[] = {{"BODY", "BODY[", FETCH_SECTION, 0},
                       {"BODY.PEEK", "BODY[", FETCH_SECTION, 1},
                       {"BINARY", "BINARY[", FETCH_BINARY, 0},
                       {"BINARY.PEEK", "BINARY[", FETCH_BINARY, 1},
                       {"BINARY.SIZE", "BINARY.SIZE[", FETCH_BINARY_SIZE, 1}};
#define BRACKETED (sizeof bracketed / sizeof *bracketed)

static int section(parse *p, item_list *l, size_t which)
{
  fetch_item *i = add(p, l, bracketed[which].kind);
  size_t begin = strlen(bracketed[which].label);
  char const *s;
  char *label;
  size_t n;
  if (!i || !parse_char(p, '[')) return 0;
  for (s = p->s; s < p->end && *s != ']' && *s != ' ';) s++;
  n = (size_t)(s - p->s);
  if (mime_section_scan(&i->section, p->s, n) < 1 ||
      (i->kind != FETCH_SECTION && i->section.what != MIME_ALL))
    return fail(p, "Invalid section");
  label = input_keep(p->in, n + begin + 1);
  if (!label) return fail(p, "Command too long");
  memcpy(label, bracketed[which].label, begin);
  for (size_t k = 0; k < n; k++)
    label[begin + k] =
        p->s[k] >= 'a' && p->s[k] <= 'z' ? (char)(p->s[k] - 32) : p->s[k];
  label[begin + n] = 0;
  i->label = label;
  i->peek = bracketed[which].peek;
  i->bracket = 1;
  p->s = s;
  if ((i->section.what == MIME_FIELDS || i->section.what == MIME_FIELDS_NOT) &&
      !names(p, i))
    return 0;
  return parse_char(p, ']') && (i->kind == FETCH_BINARY_SIZE || partial(p, i));
}

/* "PREVIEW (LAZY)": a preview that costs time may be left out, which we do
   not do (RFC 8970 4.1). */
static int modifiers(parse *p, int kind)
{
  text t;
  if (kind != FETCH_PREVIEW || p->end - p->s < 2 || p->s[0] != ' ' ||
      p->s[1] != '(')
    return 1;
  p->s++;
  do {
    p->s++;
    if (!parse_atom(p, &t)) return 0;
    if (!text_is(&t, "LAZY")) return fail(p, "Unknown modifier");
  } while (parse_peek(p, ' '));
  return parse_char(p, ')');
}

static int item(parse *p, item_list *l)
{
  size_t n = word_length(p);
  char const *s = p->s;
  p->s += n;
  if (parse_peek(p, '[')) {
    for (size_t i = 0; i < BRACKETED; i++)
      if (is(s, n, bracketed[i].name)) return section(p, l, i);
  }
  for (size_t i = 0; i < sizeof simple / sizeof *simple; i++)
    if (is(s, n, simple[i].name))
      return add(p, l, simple[i].kind) && modifiers(p, simple[i].kind);
  for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
    fetch_item *f;
    if (!is(s, n, whole[i].name)) continue;
    f = add(p, l, FETCH_SECTION);
    if (!f) return 0;
    f->label = whole[i].name;
    f->peek = whole[i].peek;
    f->section.what = whole[i].what;
    return 1;
  }
  return fail(p, "Unknown item");
}

static int macro(parse *p, item_list *l)
{
  static struct {
    char const *name;
    int n;
  } const macros[] = {{"FAST", 3}, {"ALL", 4}, {"FULL", 5}};
  static int const kinds[] = {FETCH_FLAGS, FETCH_DATE, FETCH_SIZE,
                              FETCH_ENVELOPE, FETCH_BODY};
  size_t n = word_length(p);
  for (size_t i = 0; i < sizeof macros / sizeof *macros; i++) {
    if (!is(p->s, n, macros[i].name)) continue;
    p->s += n;
    for (int k = 0; k < macros[i].n; k++)
      if (!add(p, l, kinds[k])) return 0;
    return 1;
  }
  return -1;
}

int fetch_items(parse *p, fetch_item **first)
{
  item_list l = {.end = &l.first};
  int r;
  if (parse_peek(p, '(')) {
    p->s++;
    do {
      if (l.n && !parse_sp(p)) return 0;
      if (!item(p, &l)) return 0;
    } while (!parse_peek(p, ')'));
    p->s++;
  } else {
    r = macro(p, &l);
    if (!r || (r < 0 && !item(p, &l))) return 0;
  }
  *first = l.first;
  return 1;
}

int fetch_parse(parse *p, fetch_item **first)
{
  return fetch_items(p, first) && parse_end(p);
}
