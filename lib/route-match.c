#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "route-match.h"

#define GROUPS 9
#define FLAGS (REG_EXTENDED | REG_ICASE)

/* Anchored as a whole, so group N of the pattern is N + 1. */
static int compile(regex_t *re, char const *ere)
{
  char whole[MATCH_PATTERN + sizeof "^()$"];
  int n = snprintf(whole, sizeof whole, "^(%s)$", ere);
  if (n < 0 || (size_t)n >= sizeof whole) return REG_ESPACE;
  return regcomp(re, whole, FLAGS);
}

/* Behind a bracket expression that begins at s; a ] at its start is in it. */
static char const *skip_bracket(char const *s)
{
  s += 1 + (s[1] == '^');
  if (*s == ']') s++;
  while (*s && *s != ']') {
    char const *end = 0;
    if (*s == '[' && (s[1] == ':' || s[1] == '.' || s[1] == '=')) {
      char const close[] = {s[1], ']', 0};
      end = strstr(s + 2, close);
    }
    s = end ? end + 2 : s + 1;
  }
  return *s ? s + 1 : s;
}

/* {m}, {m,} or {m,n}: its greater number, at least 1 */
static unsigned long repeats(char const *s)
{
  char *end;
  unsigned long m = strtoul(s + 1, &end, 10), n = m;
  if (*end == ',' && isdigit((unsigned char)end[1]))
    n = strtoul(end + 1, 0, 10);
  if (n < m) n = m;
  return n ? n : 1;
}

/* Looks through an ERE before regcomp does. References back make matching
   exponential, in glibc also repetitions of what may be empty; counts in each
   other make what is compiled as big as their product. */
typedef struct reading {
  char const *s;
  unsigned long repeats;
  char const *why;
} reading;

static int alternatives(reading *x);

/* One atom: whether it may be empty */
static int atom(reading *x)
{
  int empty = 0;
  switch (*x->s) {
  case '(':
    x->s++;
    empty = alternatives(x);
    if (*x->s == ')') x->s++;
    return empty;
  case '[': x->s = skip_bracket(x->s); return 0;
  case '\\':
    if (isdigit((unsigned char)x->s[1]))
      x->why = "a pattern may not refer back";
    empty = x->s[1] && strchr("<>bB`'", x->s[1]) != 0;
    x->s += 1 + (x->s[1] != 0);
    return empty;
  case '^':
  case '$': x->s++; return 1;
  default: x->s++; return 0;
  }
}

static int repeated(reading *x, int empty)
{
  while (*x->s && strchr("*+?{", *x->s)) {
    char const *end = strchr(x->s, '}');
    unsigned long n = 1;
    char c = *x->s;
    if (c == '{' && !end) return empty;
    if (c != '?' && empty) x->why = "a pattern repeats what may be empty";
    if (c == '{') n = repeats(x->s);
    if (n > MATCH_REPEATS || (x->repeats *= n) > MATCH_REPEATS) {
      x->why = "too many repetitions in a pattern";
      x->repeats = 1;
    }
    if (c == '*' || c == '?' ||
        (c == '{' && (x->s[1] == ',' || !strtoul(x->s + 1, 0, 10))))
      empty = 1;
    x->s = c == '{' ? end + 1 : x->s + 1;
  }
  return empty;
}

/* Up to the end of a group: whether one of them may be empty */
static int alternatives(reading *x)
{
  int any = 0, all = 1;
  while (*x->s && *x->s != ')') {
    if (*x->s == '|') {
      any |= all;
      all = 1;
      x->s++;
    } else {
      all &= repeated(x, atom(x));
    }
  }
  return any | all;
}

static char const *too_dear(char const *ere)
{
  reading x = {ere, 1, 0};
  alternatives(&x);
  if (!x.why && *x.s) x.why = "Unmatched ) or \\)";
  return x.why;
}

char const *match_check(char const *ere, unsigned *groups)
{
  static char why[120];
  char const *dear;
  regex_t re;
  int r;
  if (!*ere) return "an empty pattern";
  if (strlen(ere) > MATCH_PATTERN) return "too long a pattern";
  dear = too_dear(ere); /* before regcomp multiplies */
  if (dear) return dear;
  r = compile(&re, ere);
  if (r) {
    regerror(r, 0, why, sizeof why);
    return why;
  }
  *groups = (unsigned)re.re_nsub - 1;
  if (*groups > GROUPS) *groups = GROUPS;
  regfree(&re);
  return 0;
}

/* What stands at the start of s: how many bytes, and what they mean: a
   reference's number, or -1 and the text is what is to be copied. */
static size_t token(char const *s, size_t len, int *ref, size_t *copy)
{
  *ref = -1;
  *copy = 1;
  if (len < 2 || (*s != '\\' && *s != '$')) return 1;
  if (isdigit((unsigned char)s[1])) {
    *ref = s[1] - '0';
    return 2;
  }
  if (*s == '$') return 1 + (s[1] == '$');
  *copy = 2; /* a quoted pair */
  return 2;
}

char const *match_check_target(char const *target, size_t len, unsigned groups)
{
  while (len) {
    int ref;
    size_t copy, n = token(target, len, &ref, &copy);
    if (ref > (int)groups) return "no such group in the pattern";
    target += n;
    len -= n;
  }
  return 0;
}

int match_fill(stralloc *out, char const *target, size_t len, char const *s,
               match_span const *m, unsigned groups)
{
  while (len) {
    int ref;
    size_t copy, n = token(target, len, &ref, &copy);
    if (ref < 0) {
      if (!stralloc_catb(out, target, copy)) return -1;
    } else if (ref <= (int)groups && m[ref].from >= 0) {
      if (!stralloc_catb(out, s + m[ref].from,
                         (size_t)(m[ref].to - m[ref].from)))
        return -1;
    }
    target += n;
    len -= n;
  }
  return 1;
}

/* 1, 0, -1 */
static int matches(char const *ere, char const *s, match_span *m)
{
  regmatch_t found[GROUPS + 2];
  regex_t re;
  int r = compile(&re, ere);
  if (r == REG_ESPACE) return errno = ENOMEM, -1;
  if (r) return errno = EPROTO, -1;
  r = regexec(&re, s, GROUPS + 2, found, 0);
  regfree(&re);
  if (r == REG_ESPACE) return errno = ENOMEM, -1;
  if (r) return 0;
  for (int i = 0; i <= GROUPS; i++)
    m[i] = (match_span){(int)found[i + 1].rm_so, (int)found[i + 1].rm_eo};
  return 1;
}

static int fill_all(stralloc *out, char const *p, char const *end,
                    char const *s, match_span const *m)
{
  while (p < end && *p) {
    size_t len = strlen(p), start = out->len;
    if (start && !stralloc_0(out)) return -1;
    if (match_fill(out, p, len, s, m, GROUPS) < 0) return -1;
    /* only a table may ask for what begins so */
    if (*p != ':' && out->len > start + (start > 0) &&
        out->s[start + (start > 0)] == ':')
      out->len = start;
    p += len + 1;
  }
  return 1;
}

int match_first(char const *list, size_t len, char const *s, stralloc *out,
                char const **ere)
{
  char const *p = list, *end = list + len;
  match_span m[GROUPS + 1];
  if (len && end[-1]) return errno = EPROTO, -1;
  for (unsigned n = 0; p < end && n < MATCH_PATTERNS; n++) {
    int r;
    *ere = p;
    p += strlen(p) + 1;
    r = matches(*ere, s, m);
    if (r < 0) return -1;
    if (r) return fill_all(out, p, end, s, m);
    while (p < end && *p) p += strlen(p) + 1;
    p++; /* the NUL behind an entry */
  }
  return 0;
}
