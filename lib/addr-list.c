/* Address lists of header fields, as real mail has them: what RFC 5322 does not
   allow is read the way in which it was probably meant. */

#include <string.h>

#include "addr.h"

typedef struct list {
  char const *s, *end;
  stralloc name, route, local, domain, comment;
  int failed; /* out of memory */
  int group;
  int rest;   /* something was passed over */
  int joined; /* words without a dot between them became one local part */
  int (*each)(addr_item const *, void *);
  void *data;
} list;

static void add(list *l, stralloc *to, char c)
{
  if (c && !stralloc_append(to, c)) l->failed = 1;
}

static int here(list const *l)
{
  return l->s < l->end ? (unsigned char)*l->s : -1;
}

/* The character behind a backslash, or the one at l->s; folding is undone. */
static void add_quoted(list *l, stralloc *to)
{
  if (*l->s == '\\' && l->s + 1 < l->end) l->s++;
  if (*l->s != '\r' && *l->s != '\n') add(l, to, *l->s);
  l->s++;
}

/* Comments nest. The outermost parentheses are left out. */
static void comment(list *l)
{
  unsigned depth = 0;
  l->comment.len = 0;
  while (here(l) >= 0) {
    if (*l->s == '(' && !depth++) {
      l->s++;
      continue;
    }
    if (*l->s == ')' && !--depth) {
      l->s++;
      return;
    }
    add_quoted(l, &l->comment);
  }
  l->rest = 1; /* another reader may see no comment here */
}

/* Blanks, line ends and comments: whether there were any */
static int skip(list *l)
{
  char const *start = l->s;
  for (;;) {
    switch (here(l)) {
    case '(': comment(l); break;
    case ' ':
    case '\t':
    case '\r':
    case '\n':
    case 0: l->s++; break;
    default: return l->s != start;
    }
  }
}

static void quoted(list *l, stralloc *to)
{
  l->s++;
  while (here(l) >= 0 && *l->s != '"') add_quoted(l, to);
  if (here(l) == '"')
    l->s++;
  else
    l->rest = 1;
}

static int in_word(int c)
{
  return c > 0 && !strchr(" \t\r\n\"(<>@,:;", c);
}

/* Words up to what cannot be one: their text to name with a blank where blanks
   were, and to local without. A dot is part of a word. */
static void words(list *l)
{
  int blank = 0, dot = 1; /* what is before allows a word of a local part */
  l->joined = 0;
  for (;;) {
    stralloc *to = &l->name;
    size_t from;
    blank |= skip(l);
    if (here(l) != '"' && !in_word(here(l))) return;
    l->joined |= !dot && *l->s != '.';
    if (blank && to->len) add(l, to, ' ');
    from = to->len;
    if (*l->s == '"')
      quoted(l, to);
    else
      while (in_word(here(l))) add(l, to, *l->s++);
    dot = l->s[-1] == '.';
    if (to->len > from &&
        !stralloc_catb(&l->local, to->s + from, to->len - from))
      l->failed = 1;
    blank = 0;
  }
}

static void domain(list *l, stralloc *to)
{
  size_t from = to->len;
  for (;;) {
    skip(l);
    if (here(l) == '[') {
      while (here(l) >= 0 && *l->s != ']') add_quoted(l, to);
      if (here(l) == ']') add(l, to, *l->s++);
    } else if (in_word(here(l))) {
      char const *start = l->s;
      /* without a dot between them, two words are not one domain */
      if (to->len > from && to->s[to->len - 1] != '.' && *start != '.') return;
      while (in_word(here(l))) add(l, to, *l->s++);
    } else {
      return;
    }
  }
}

static char const *text(list *l, stralloc *s)
{
  if (!stralloc_0(s)) l->failed = 1;
  return l->failed ? "" : s->s;
}

static int give(list *l, addr_item const *item)
{
  int r = l->failed ? -1 : l->each(item, l->data);
  l->name.len = l->route.len = l->local.len = l->domain.len = 0;
  l->comment.len = 0;
  l->rest = 0;
  return r;
}

static int give_address(list *l, int has_domain)
{
  addr_item item = {0};
  if (l->name.len) item.name = text(l, &l->name);
  if (l->route.len) item.route = text(l, &l->route);
  item.local = text(l, &l->local);
  if (has_domain) item.domain = text(l, &l->domain);
  item.rest = l->rest;
  return give(l, &item);
}

static int give_group(list *l, int begins)
{
  addr_item item = {0};
  if (begins) item.name = text(l, &l->name);
  l->group = begins;
  return give(l, &item);
}

/* @a,@b: before the address (RFC 5322 4.4 obs-route) */
static void route(list *l)
{
  while (here(l) == '@' || here(l) == ',') {
    add(l, &l->route, *l->s++);
    domain(l, &l->route);
    skip(l);
  }
  if (here(l) == ':') l->s++;
}

/* Up to the comma or semicolon that ends an address */
static void skip_rest(list *l)
{
  stralloc nowhere = STRALLOC_ZERO;
  while (here(l) >= 0 && *l->s != ',' && *l->s != ';') {
    if (skip(l)) continue;
    l->rest = 1;
    if (*l->s == '"')
      quoted(l, &nowhere);
    else
      l->s++;
    nowhere.len = 0;
  }
  stralloc_free(&nowhere);
}

/* <route:local@domain>, its name has been read */
static int angle(list *l)
{
  stralloc name = l->name;
  int has_domain = 0;
  l->name = (stralloc)STRALLOC_ZERO;
  l->local.len = l->domain.len = 0;
  while (here(l) == '<') l->s++;
  skip(l);
  if (here(l) == '@') route(l);
  words(l);
  stralloc_free(&l->name);
  l->name = name;
  if (here(l) == '@') {
    has_domain = 1;
    l->rest |= l->joined;
    l->s++;
    domain(l, &l->domain);
  }
  while (here(l) >= 0 && *l->s != '>' && *l->s != ',' && *l->s != ';') {
    l->rest = 1;
    l->s++;
  }
  if (here(l) == '>')
    l->s++;
  else
    l->rest = 1;
  skip_rest(l);
  return give_address(l, has_domain);
}

/* local@domain, or what looked like it and is the name of <…> */
static int plain(list *l)
{
  l->s++;
  l->comment.len = 0;
  domain(l, &l->domain);
  if (here(l) == '<') {
    add(l, &l->name, '@');
    if (!stralloc_cat(&l->name, &l->domain)) l->failed = 1;
    return angle(l);
  }
  l->rest |= l->joined;
  skip_rest(l);
  l->name.len = 0;
  if (!stralloc_cat(&l->name, &l->comment)) l->failed = 1;
  return give_address(l, 1);
}

static int lone_words(list *l)
{
  l->local.len = 0;
  if (!stralloc_cat(&l->local, &l->name)) l->failed = 1;
  l->name.len = 0;
  if (!stralloc_cat(&l->name, &l->comment)) l->failed = 1;
  return give_address(l, 0);
}

static int element(list *l)
{
  words(l);
  switch (here(l)) {
  case '<': return angle(l);
  case '@': return plain(l);
  case ':':
    l->s++;
    if (!l->group) return give_group(l, 1);
    l->name.len = l->local.len = 0;
    return 1;
  case '>':
    l->rest = 1;
    l->s++;
    break;
  default: break;
  }
  return l->local.len ? lone_words(l) : 1;
}

int addr_list(char const *s, size_t len, int (*each)(addr_item const *, void *),
              void *data)
{
  list l = {.s = s, .end = s + len, .each = each, .data = data};
  int r = 1;
  while (r >= 0) {
    skip(&l);
    if (here(&l) < 0) break;
    if (*l.s == ',')
      l.s++;
    else if (*l.s == ';') {
      l.s++;
      if (l.group) r = give_group(&l, 0);
    } else
      r = element(&l);
  }
  if (r >= 0 && l.group) r = give_group(&l, 0);
  stralloc_free(&l.name);
  stralloc_free(&l.route);
  stralloc_free(&l.local);
  stralloc_free(&l.domain);
  stralloc_free(&l.comment);
  return r < 0 || l.failed ? -1 : l.rest ? 2 : 1;
}
