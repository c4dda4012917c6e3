#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "resinfo.h"

/* What is left to read. */
typedef struct input {
  char const *s, *end;
} input;

/* Where bytes go; full: they did not fit, or one was NUL. */
typedef struct output {
  char *s;
  size_t size, len;
  int full;
} output;

static int here(input const *in)
{
  return in->s < in->end ? (unsigned char)*in->s : -1;
}

static void put(output *o, int c)
{
  if (!c || o->len + 1 >= o->size) {
    o->full = 1;
    return;
  }
  o->s[o->len++] = (char)c;
  o->s[o->len] = 0;
}

/* RFC 5322 3.2.2; comments nest. 1, or 0: one does not end. */
static int comment(input *in)
{
  unsigned depth = 0;
  while (here(in) >= 0) {
    int c = *in->s++;
    if (c == '\\' && here(in) >= 0)
      in->s++;
    else if (c == '(')
      depth++;
    else if (c == ')' && !--depth)
      return 1;
  }
  return 0;
}

static int cfws(input *in)
{
  for (;;) {
    switch (here(in)) {
    case ' ':
    case '\t':
    case '\r':
    case '\n': in->s++; break;
    case '(':
      if (!comment(in)) return 0;
      break;
    default: return 1;
    }
  }
}

/* RFC 5322 3.2.4, without its quotes. 1 or 0. */
static int quoted(input *in, output *o)
{
  in->s++;
  while (here(in) >= 0) {
    int c = *in->s++;
    if (c == '"') return 1;
    if (c == '\\') {
      if (here(in) < 0) return 0;
      c = *in->s++;
    } else if (c == '\r' || c == '\n')
      continue;
    put(o, (unsigned char)c);
  }
  return 0;
}

/* A keyword, or the name of a property: in lower case. 1, or 0: empty. */
static int word(input *in, output *o)
{
  size_t n = 0;
  for (; isalnum(here(in)) || here(in) == '-' || here(in) == '_'; n++)
    put(o, tolower(*in->s++));
  return n != 0;
}

static int in_value(int c)
{
  return c > ' ' && c < 127 && !strchr("\"(),;<>\\", c);
}

/* A pvalue: value, or [[local-part] "@"] domain-name, whose local part may be
   quoted and keeps its quotes then. */
static int value(input *in, output *o)
{
  char const *start = in->s;
  if (here(in) == '"') {
    if (!quoted(in, o)) return 0;
    if (here(in) != '@') return 1;
    o->len = 0;
    while (start < in->s) put(o, *start++);
  } else if (!in_value(here(in)))
    return 0;
  while (in_value(here(in))) put(o, *in->s++);
  return 1;
}

static int equals(input *in)
{
  if (!cfws(in) || here(in) != '=') return 0;
  in->s++;
  return cfws(in);
}

/* ptype.property=pvalue, or reason=value. 1; 0: broken; -1: the end. */
static int property(input *in, output *name, output *v)
{
  char const *start = in->s;
  if (!cfws(in)) return 0;
  if (here(in) < 0) return -1;
  if (in->s == start || !word(in, name) || !cfws(in)) return 0;
  if (here(in) == '.') {
    in->s++;
    put(name, '.');
    if (!cfws(in) || !word(in, name)) return 0;
  }
  return equals(in) && value(in, v);
}

int resinfo_get(resinfo const *r, char const *wanted, char *to, size_t size)
{
  input in = {r->s, r->end};
  for (;;) {
    char text[64] = "";
    output name = {text, sizeof text, 0, 0}, v = {to, size, 0, 0};
    *to = 0;
    if (property(&in, &name, &v) <= 0) return 0;
    if (!name.full && !strcasecmp(text, wanted)) return !v.full;
  }
}

/* keyword [ / version ] */
static int method(input *in, output *o)
{
  if (!cfws(in) || !word(in, o) || !cfws(in)) return 0;
  if (here(in) != '/') return 1;
  in->s++;
  if (!cfws(in) || !isdigit(here(in))) return 0;
  while (isdigit(here(in))) in->s++;
  return 1;
}

int resinfo_read(resinfo *r, char const *s, size_t len)
{
  input in = {s, s + len};
  output m = {r->method, sizeof r->method, 0, 0};
  output result = {r->result, sizeof r->result, 0, 0};
  int got = 1;
  *r->method = *r->result = 0;
  if (!method(&in, &m) || !equals(&in) || !word(&in, &result)) return 0;
  if (m.full || result.full) return 0;
  r->s = in.s;
  r->end = in.end;
  while (got > 0) {
    char nowhere[2];
    output name = {nowhere, sizeof nowhere, 0, 0}, v = name;
    got = property(&in, &name, &v);
  }
  return got < 0;
}
