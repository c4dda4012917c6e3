/* Commands before login (RFC 3501 9: only atoms, strings and, for ID, a list),
   with literals of RFC 3501 and 7888. */

#include <errno.h>
#include <string.h>

#include "login.h"

static int refused(login *l, char const *why)
{
  l->errors++;
  login_say(l, "%s BAD %s", *l->command.tag ? l->command.tag : "*", why);
  return 0;
}

/* After line_get failed: what the client is told. */
static int lost(login *l, int r)
{
  l->over = 1;
  if (r < 0 && errno == ETIMEDOUT)
    login_bye(l, "Too slow", 99);
  else if (r < 0 && errno != EPIPE && errno != ECONNRESET)
    l->code = 111;
  return -1;
}

int login_line(login *l, char **s)
{
  size_t len;
  int r = line_get(&l->in, s, &len, login_deadline(l));
  if (r < 0 && errno == EMSGSIZE) return 0;
  if (r <= 0) return lost(l, r);
  len = line_chomp(*s, len);
  if (memchr(*s, 0, len)) return 0;
  (*s)[len] = 0;
  return 1;
}

/* {n} or {n+} at s: 1, and whether it wants "+ OK" first. */
static int literal(char const *s, size_t *n, int *sync)
{
  if (*s != '{' || s[1] < '0' || s[1] > '9') return 0;
  for (*n = 0, s++; *s >= '0' && *s <= '9'; s++) {
    if (*n > 100000000) return 0;
    *n = *n * 10 + (size_t)(*s - '0');
  }
  *sync = *s != '+';
  return !strcmp(s, *sync ? "}" : "+}");
}

/* The rest of a command that will not be understood: literals that come
   unasked must not be taken for commands. */
static int skip_rest(login *l, char const *s)
{
  size_t total = 0;
  for (;;) {
    size_t n;
    int sync, r;
    char const *brace = strrchr(s, '{');
    char *next;
    if (!brace || !literal(brace, &n, &sync) || sync) return 1;
    total += n;
    if (total > LOGIN_LINE) {
      login_bye(l, "Too much", 1);
      return -1;
    }
    while (n) {
      char buf[256];
      ssize_t got = line_read(&l->in, buf, n < sizeof buf ? n : sizeof buf,
                              login_deadline(l));
      if (got <= 0) return lost(l, (int)got);
      n -= (size_t)got;
    }
    r = login_line(l, &next);
    if (r < 0) return -1;
    s = r ? next : "";
  }
}

static int bad(login *l, char const *rest, char const *why)
{
  /* next to the arguments, for the line's buffer is about to be reused */
  return skip_rest(l, rest) < 0 ? -1 : refused(l, why);
}

static char *room(login_command *c, size_t n)
{
  char *p = c->words + c->used;
  if (c->n == LOGIN_ARGS || n + 1 > sizeof c->words - c->used) return 0;
  c->args[c->n] = p;
  c->marks[c->n++] = 0;
  c->used += n + 1;
  p[n] = 0;
  return p;
}

static int take_literal(login *l, char **s)
{
  size_t n = 0, got = 0;
  int sync = 0, r;
  char *to;
  if (!literal(*s, &n, &sync)) return refused(l, "Not a literal");
  if (n > LOGIN_LITERAL || !(to = room(&l->command, n)))
    return bad(l, *s, "[TOOBIG] Literal too long");
  if (sync) login_say(l, "+ OK");
  while (got < n && !l->over) {
    ssize_t k = line_read(&l->in, to + got, n - got, login_deadline(l));
    if (k <= 0) return lost(l, (int)k);
    got += (size_t)k;
  }
  r = login_line(l, s);
  if (r < 0) return -1;
  if (!r) return refused(l, "Bad line behind a literal");
  return memchr(to, 0, n) ? bad(l, *s, "NUL in a literal") : 1;
}

static int take_quoted(login *l, char **s)
{
  login_command *c = &l->command;
  char *p = *s + 1, *to = room(c, strlen(p));
  if (!to) return bad(l, p, "Too many arguments");
  for (; *p && *p != '"'; p++) {
    if (*p == '\\' && p[1] != '"' && p[1] != '\\') break;
    if (*p == '\\') p++;
    *to++ = *p;
  }
  if (*p != '"') return bad(l, p, "Bad quoted string");
  *to = 0;
  c->used = (size_t)(to + 1 - c->words);
  *s = p + 1;
  return 1;
}

static int take_atom(login *l, char **s)
{
  size_t n = strcspn(*s, " (){\"\\*%");
  char *to;
  if (!n || (unsigned char)**s < ' ') return bad(l, *s, "Bad argument");
  to = room(&l->command, n);
  if (!to) return bad(l, *s, "Too many arguments");
  memcpy(to, *s, n);
  *s += n;
  return 1;
}

static int take(login *l, char **s)
{
  login_command *c = &l->command;
  if (**s == '{') return take_literal(l, s);
  if (**s == '"') return take_quoted(l, s);
  if (**s != '(' && **s != ')') return take_atom(l, s);
  if (!room(c, 1)) return bad(l, *s, "Too many arguments");
  c->args[c->n - 1][0] = c->marks[c->n - 1] = *(*s)++;
  return 1;
}

static int arguments(login *l, char *s)
{
  while (*s) {
    int r, open = l->command.n && l->command.marks[l->command.n - 1] == '(';
    if (*s == ' ')
      s++;
    else if (!open && *s != ')')
      return bad(l, s, "Bad argument");
    r = take(l, &s);
    if (r <= 0) return r;
  }
  return 1;
}

/* A word of the line that may be a tag or a command's name: length, or 0 */
static size_t name(char const *s, size_t max)
{
  size_t n = 0;
  while (s[n] > ' ' && s[n] < 127 && !strchr("(){%*\"\\+", s[n])) n++;
  return n <= max ? n : 0;
}

int login_read(login *l)
{
  login_command *c = &l->command;
  char *s;
  size_t n;
  int r;
  memset(c->tag, 0, sizeof c->tag);
  memset(c->name, 0, sizeof c->name);
  c->n = 0;
  c->used = 0;
  r = login_line(l, &s);
  if (r < 0) return -1;
  if (!r) return refused(l, "Not a command line");
  n = name(s, LOGIN_TAG);
  if (!n || s[n] != ' ') return bad(l, s, "Not a command");
  memcpy(c->tag, s, n);
  s += n + 1;
  n = name(s, sizeof c->name - 1);
  if (!n || (s[n] && s[n] != ' ')) return bad(l, s, "Unknown command");
  for (size_t i = 0; i < n; i++)
    c->name[i] = (char)(s[i] >= 'a' && s[i] <= 'z' ? s[i] - 32 : s[i]);
  return arguments(l, s + n);
}
