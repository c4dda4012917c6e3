/* Address lists of header fields as RFC 5322 3.4 has them: what our users send
   must be right. Of the obsolete forms (4.4) those that real clients write are
   allowed: dots in names, empty members of lists. */
#include <string.h>

#include "addr.h"
#include "utf8.h"

typedef struct reader {
  char const *s, *end;
  addr_count *n;
} reader;

static int here(reader const *r)
{
  return r->s < r->end ? (unsigned char)*r->s : -1;
}

/* What a backslash may stand before, and what may stand in quotes. */
static int is_text(int c)
{
  return c >= ' ' ? c != 127 : c == '\t';
}

/* A folded line's end: its blank comes next. */
static int fold(reader *r)
{
  if (r->end - r->s < 3 || memcmp(r->s, "\r\n", 2) ||
      (r->s[2] != ' ' && r->s[2] != '\t'))
    return 0;
  r->s += 2;
  return 1;
}

/* One character inside quotes or a comment: 1 or 0 */
static int text(reader *r)
{
  int c = here(r);
  if (c == '\r') return fold(r);
  if (c == '\\') {
    r->s++;
    c = here(r);
  }
  if (!is_text(c)) return 0;
  r->s++;
  return 1;
}

static int comment(reader *r)
{
  unsigned depth = 0;
  do {
    int c = here(r);
    if (c == '(')
      depth++;
    else if (c == ')')
      depth--;
    else if (!text(r))
      return 0;
    if (c == '(' || c == ')') r->s++;
  } while (depth);
  return 1;
}

/* Blanks, folds and comments: 1, or 0 for a broken one */
static int skip(reader *r)
{
  for (;;) {
    switch (here(r)) {
    case ' ':
    case '\t': r->s++; break;
    case '\r':
      if (!fold(r)) return 0;
      break;
    case '(':
      if (!comment(r)) return 0;
      break;
    default: return 1;
    }
  }
}

static int in_atom(int c)
{
  return c > ' ' && c != 127 && !strchr("()<>[]:;@\\,\"", c);
}

/* An atom, with dots, or a quoted string, without what is around it: 1, 0 */
static int word(reader *r)
{
  if (here(r) != '"') {
    char const *start = r->s;
    while (in_atom(here(r))) r->s++;
    return r->s > start;
  }
  r->s++;
  while (here(r) != '"')
    if (!text(r)) return 0;
  r->s++;
  return 1;
}

/* Words that follow each other: 1, or 0. words: how many, with something
   between them; [*first, *last) is what they span. */
static int words(reader *r, unsigned *n, char const **first, char const **last)
{
  *n = 0;
  if (!skip(r)) return 0;
  *first = *last = r->s;
  while (here(r) == '"' || in_atom(here(r))) {
    if (r->s != *last || !*n) ++*n;
    if (!word(r)) return 0;
    *last = r->s;
    if (!skip(r)) return 0;
  }
  return 1;
}

/* "@domain" behind that local part: 1 or 0 */
static int address(reader *r, char const *local, size_t len)
{
  char s[ADDR_MAX + 1];
  char const *domain;
  size_t n;
  r->s++;
  if (!skip(r)) return 0;
  domain = r->s;
  if (here(r) == '[') {
    while (r->s < r->end && *r->s != ']') r->s++;
    if (here(r) != ']') return 0;
    r->s++;
  } else {
    while (in_atom(here(r))) r->s++;
  }
  n = (size_t)(r->s - domain);
  if (len + 1 + n > ADDR_MAX) return 0;
  memcpy(s, local, len);
  s[len] = '@';
  memcpy(s + len + 1, domain, n);
  r->n->mailboxes++;
  return addr_valid(s, len + 1 + n, ADDR_UTF8) && skip(r);
}

static int angle(reader *r)
{
  char const *first, *last;
  unsigned n;
  r->s++;
  if (!words(r, &n, &first, &last) || n != 1 || here(r) != '@' ||
      !address(r, first, (size_t)(last - first)) || here(r) != '>')
    return 0;
  r->s++;
  return skip(r);
}

static int list(reader *r, int group);

/* A mailbox, a group, or nothing. */
static int member(reader *r, int group)
{
  char const *first, *last;
  unsigned n;
  if (!words(r, &n, &first, &last)) return 0;
  switch (here(r)) {
  case '<': return angle(r);
  case '@': return n == 1 && address(r, first, (size_t)(last - first));
  case ':':
    if (!n || group) return 0;
    r->s++;
    r->n->groups++;
    if (!list(r, 1) || here(r) != ';') return 0;
    r->s++;
    return skip(r);
  default: return n == 0;
  }
}

static int list(reader *r, int group)
{
  for (;;) {
    if (!member(r, group)) return 0;
    if (here(r) != ',') return 1;
    r->s++;
  }
}

int addr_list_valid(char const *s, size_t len, addr_count *n)
{
  reader r = {s, s + len, n};
  *n = (addr_count){0};
  return utf8_valid(s, len) && list(&r, 0) && r.s == r.end;
}
