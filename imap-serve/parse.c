#include <errno.h>
#include <string.h>
#include <strings.h>

#include "letters.h"
#include "parse.h"

#define ATOM_SPECIALS "(){%*\"\\]"

void parse_begin(parse *p, input *in, char const *s, size_t len)
{
  *p = (parse){.in = in, .s = s, .end = s + len};
}

static int bad(parse *p, char const *why)
{
  if (!p->error) p->error = why;
  return 0;
}

int parse_is_atom(char c)
{
  unsigned char u = (unsigned char)c;
  return u > 32 && u < 127 && !strchr(ATOM_SPECIALS, c);
}

int parse_is_astring(char c)
{
  return c == ']' || parse_is_atom(c);
}

static int is_list_char(char c)
{
  return c == '%' || c == '*' || parse_is_astring(c);
}

static int is_tag(char c)
{
  return c != '+' && parse_is_astring(c);
}

int parse_peek(parse const *p, char c)
{
  return p->s < p->end && *p->s == c;
}

int parse_char(parse *p, char c)
{
  if (!parse_peek(p, c)) {
    return bad(p, c == ' '   ? "Missing argument"
                  : c == '(' ? "Expected ("
                  : c == ')' ? "Expected )"
                             : "Syntax error");
  }
  p->s++;
  return 1;
}

int parse_sp(parse *p)
{
  return parse_char(p, ' ');
}

int parse_end(parse *p)
{
  return p->s == p->end ? 1 : bad(p, "Too many arguments");
}

static char *keep(parse *p, size_t n)
{
  char *s = input_keep(p->in, n + 1);
  if (s)
    s[n] = 0;
  else if (errno == EMSGSIZE)
    p->no = "[LIMIT] Command too long";
  else
    p->no = "[UNAVAILABLE] Out of memory";
  if (!s) bad(p, "");
  return s;
}

static int keep_text(parse *p, text *t, char const *from, size_t n)
{
  char *s = keep(p, n);
  if (!s) return 0;
  memcpy(s, from, n);
  *t = (text){.s = s, .len = n};
  return 1;
}

static int word(parse *p, text *t, int (*is)(char), char const *why)
{
  char const *s = p->s;
  while (s < p->end && is(*s)) s++;
  if (s == p->s) return bad(p, why);
  if (!keep_text(p, t, p->s, (size_t)(s - p->s))) return 0;
  p->s = s;
  return 1;
}

int parse_tag(parse *p, text *t)
{
  return word(p, t, is_tag, "Invalid tag");
}

int parse_atom(parse *p, text *t)
{
  return word(p, t, parse_is_atom, "Expected an atom");
}

static int quoted(parse *p, text *t)
{
  char *to = keep(p, (size_t)(p->end - p->s));
  size_t n = 0;
  if (!to) return 0;
  for (char const *s = p->s + 1; s < p->end; s++) {
    char c = *s;
    if (c == '"') {
      to[n] = 0;
      *t = (text){.s = to, .len = n};
      p->s = s + 1;
      return 1;
    }
    if (c == '\\') {
      if (++s == p->end || (*s != '"' && *s != '\\')) break;
      c = *s;
    }
    if (!c || c == '\r') break;
    to[n++] = c;
  }
  return bad(p, "Invalid quoted string");
}

int parse_literal_size(parse *p, uint64_t *n, int *sync)
{
  char const *s = p->s;
  *n = 0;
  *sync = 1;
  if (s == p->end || *s++ != '{') return bad(p, "Expected a literal");
  if (s == p->end || *s < '0' || *s > '9') return bad(p, "Invalid literal");
  for (; s < p->end && *s >= '0' && *s <= '9'; s++) {
    *n = *n * 10 + (uint64_t)(*s - '0');
    if (*n > UINT32_MAX) {
      p->no = "[TOOBIG] Literal too big";
      return bad(p, "");
    }
  }
  if (s < p->end && *s == '+') {
    *sync = 0;
    s++;
  }
  if (p->end - s != 1 || *s != '}') return bad(p, "Invalid literal");
  p->s = p->end;
  return 1;
}

static int lost(parse *p)
{
  p->gone = 1;
  return bad(p, "");
}

int parse_next_line(parse *p)
{
  char *s;
  size_t len;
  int r = input_line(p->in, io_after(INPUT_MS), &s, &len);
  if (r < 0 && errno == EMSGSIZE) {
    p->s = p->end = "";
    return bad(p, "Line too long");
  }
  if (r <= 0) return lost(p);
  p->s = s;
  p->end = s + len;
  return 1;
}

static int literal(parse *p, text *t)
{
  uint64_t n;
  int sync;
  char const *start = p->s;
  char *to;
  if (!parse_literal_size(p, &n, &sync)) return 0;
  if (n > INPUT_LITERAL) {
    p->s = start; /* so that parse_drain finds it again */
    p->no = "[TOOBIG] Literal too big here";
    return bad(p, "");
  }
  to = keep(p, (size_t)n);
  if (!to) {
    p->s = start;
    return 0;
  }
  if (sync) out_line(p->in->o, "+ OK");
  for (size_t got = 0; got < n;) {
    ssize_t r = input_raw(p->in, to + got, (size_t)n - got);
    if (r <= 0) return lost(p);
    got += (size_t)r;
  }
  *t = (text){.s = to, .len = (size_t)n};
  if (!parse_next_line(p)) return 0;
  return !p->nul && memchr(to, 0, n) ? bad(p, "NUL in a literal") : 1;
}

int parse_string(parse *p, text *t)
{
  if (parse_peek(p, '"')) return quoted(p, t);
  if (parse_peek(p, '{')) return literal(p, t);
  return bad(p, "Expected a string");
}

int parse_astring(parse *p, text *t)
{
  if (parse_peek(p, '"') || parse_peek(p, '{')) return parse_string(p, t);
  return word(p, t, parse_is_astring, "Missing argument");
}

int parse_list_mailbox(parse *p, text *t)
{
  if (parse_peek(p, '"') || parse_peek(p, '{')) return parse_string(p, t);
  return word(p, t, is_list_char, "Missing argument");
}

int parse_nstring(parse *p, text *t)
{
  if (parse_peek(p, '"') || parse_peek(p, '{')) return parse_string(p, t);
  if (!parse_atom(p, t)) return 0;
  if (!text_is(t, "NIL")) return bad(p, "Expected a string or NIL");
  *t = (text){0};
  return 1;
}

int parse_number(parse *p, uint32_t *n)
{
  uint64_t v = 0;
  char const *s = p->s;
  for (; s < p->end && *s >= '0' && *s <= '9'; s++) {
    v = v * 10 + (uint64_t)(*s - '0');
    if (v > UINT32_MAX) return bad(p, "Number too large");
  }
  if (s == p->s) return bad(p, "Expected a number");
  p->s = s;
  *n = (uint32_t)v;
  return 1;
}

static int set_number(parse *p, uint32_t *n)
{
  if (parse_peek(p, '*')) {
    p->s++;
    *n = UINT32_MAX;
    return 1;
  }
  if (!parse_number(p, n)) return 0;
  return *n ? 1 : bad(p, "Invalid message number 0");
}

static size_t count_commas(parse const *p)
{
  size_t n = 1;
  for (char const *s = p->s; s < p->end && *s != ' '; s++) n += *s == ',';
  return n;
}

int parse_set(parse *p, set *s)
{
  size_t most = count_commas(p);
  if (most > INPUT_COMMAND / 16) return bad(p, "Set too long");
  s->n = 0;
  s->v = (set_range *)(void *)keep(p, most * sizeof *s->v);
  if (!s->v) return 0;
  for (;;) {
    set_range *r = s->v + s->n;
    if (!set_number(p, &r->first)) return 0;
    r->last = r->first;
    if (parse_peek(p, ':')) {
      p->s++;
      if (!set_number(p, &r->last)) return 0;
    }
    s->n++;
    if (!parse_peek(p, ',')) return 1;
    if (s->n == most) return bad(p, "Invalid set");
    p->s++;
  }
}

int set_has(set const *s, uint32_t n, uint32_t star)
{
  for (size_t i = 0; i < s->n; i++) {
    uint32_t a = s->v[i].first, b = s->v[i].last;
    if (a == UINT32_MAX) a = star;
    if (b == UINT32_MAX) b = star;
    if (a <= b ? n >= a && n <= b : n >= b && n <= a) return 1;
  }
  return 0;
}

int text_is(text const *t, char const *w)
{
  return t->len == strlen(w) && !strncasecmp(t->s, w, t->len);
}

/* Flags that start with a backslash and are unknown cannot be stored, and
   \Recent is not the client's: both are refused. */
int parse_flag(parse *p, flag_list *f, size_t room)
{
  text t;
  uint64_t letter;
  if (!parse_peek(p, '\\')) {
    if (!parse_atom(p, &t)) return 0;
    if (f->n == room) return bad(p, "Too many flags");
    f->keyword[f->n++] = t;
    return 1;
  }
  p->s++;
  if (!parse_atom(p, &t)) return 0;
  letter = letters_named(p->s - t.len - 1, t.len + 1);
  if (!letter) return bad(p, "Invalid system flag");
  f->letters |= letter;
  return 1;
}

static int flags_init(parse *p, flag_list *f)
{
  *f = (flag_list){0};
  f->keyword = (text *)(void *)keep(p, PARSE_LISTED / 10 * sizeof(text));
  return f->keyword != 0;
}

int parse_flags_bare(parse *p, flag_list *f)
{
  if (!flags_init(p, f)) return 0;
  for (;;) {
    if (!parse_flag(p, f, PARSE_LISTED / 10)) return 0;
    if (!parse_peek(p, ' ')) return 1;
    p->s++;
  }
}

int parse_flags(parse *p, flag_list *f)
{
  if (!parse_char(p, '(')) return 0;
  if (parse_peek(p, ')')) {
    p->s++;
    return flags_init(p, f);
  }
  return parse_flags_bare(p, f) && parse_char(p, ')');
}

int parse_drain(parse *p)
{
  while (!p->gone) {
    parse rest = *p;
    uint64_t n;
    int sync;
    char const *open = p->end;
    while (open > p->s && open[-1] != '{') open--;
    if (open == p->s) return 1;
    rest.s = open - 1;
    if (!parse_literal_size(&rest, &n, &sync) || sync) return 1;
    if (input_skip(p->in, n) < 0) return lost(p);
    if (!parse_next_line(p)) continue;
  }
  return 0;
}
