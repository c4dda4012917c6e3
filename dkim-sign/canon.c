#include <string.h>

#include "canon.h"

static char const *const names[] = {
    [CANON_SIMPLE] = "simple", [CANON_RELAXED] = "relaxed"};

char const *canon_name(canon how)
{
  return names[how];
}

int canon_scan(canon *how, char const *s, size_t len)
{
  for (canon c = CANON_SIMPLE; c <= CANON_RELAXED; c++)
    if (strlen(names[c]) == len && !memcmp(names[c], s, len))
      return *how = c, 1;
  return 0;
}

static int blank(char c)
{
  return c == ' ' || c == '\t';
}

static char lower(char c)
{
  return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Length of the line end at s: 2, 1 or 0 */
static size_t line_end(char const *s, char const *end)
{
  if (*s == '\n') return 1;
  return *s == '\r' && end - s > 1 && s[1] == '\n' ? 2 : 0;
}

static size_t field_simple(char *to, char const *s, char const *end)
{
  char *p = to;
  while (s < end) {
    size_t n = line_end(s, end);
    s += n ? n : 1;
    if (n)
      *p++ = '\r', *p++ = '\n';
    else
      *p++ = s[-1];
  }
  return (size_t)(p - to);
}

/* Blanks and line ends up to end become one space, none where nothing follows
   or nothing has been written since start. */
static char *value_relaxed(char *p, char const *s, char const *end)
{
  char const *start = p;
  int gap = 0;
  while (s < end) {
    size_t n = line_end(s, end);
    if (n || blank(*s)) {
      if (!n) gap = 1;
      s += n ? n : 1;
      continue;
    }
    if (gap && p > start) *p++ = ' ';
    gap = 0;
    *p++ = *s++;
  }
  return p;
}

static size_t field_relaxed(char *to, char const *s, char const *end)
{
  char const *colon = memchr(s, ':', (size_t)(end - s));
  char *p = to;
  if (!colon) return (size_t)(value_relaxed(p, s, end) - to);
  p = value_relaxed(p, s, colon);
  for (char *name = to; name < p; name++) *name = lower(*name);
  *p++ = ':';
  return (size_t)(value_relaxed(p, colon + 1, end) - to);
}

int canon_field(stralloc *out, canon how, char const *s, size_t len)
{
  char *to;
  while (len && (s[len - 1] == '\n' || s[len - 1] == '\r')) len--;
  if (!stralloc_readyplus(out, 2 * len + 2)) return -1; /* LF becomes CRLF */
  to = out->s + out->len;
  out->len +=
      (how == CANON_RELAXED ? field_relaxed : field_simple)(to, s, s + len);
  return stralloc_catb(out, "\r\n", 2) ? 1 : -1;
}

void canon_body_init(canon_body *b, canon how, canon_put *put, void *to)
{
  *b = (canon_body){.how = how, .put = put, .to = to};
}

static void flush(canon_body *b)
{
  if (b->len) b->put(b->to, b->buf, b->len);
  b->len = 0;
}

static void put(canon_body *b, char const *s, size_t len)
{
  if (len > sizeof b->buf - b->len) flush(b);
  if (len > sizeof b->buf) {
    b->put(b->to, s, len);
    return;
  }
  memcpy(b->buf + b->len, s, len);
  b->len += len;
}

/* Something follows: what was held back belongs to the body */
static void settle(canon_body *b)
{
  for (; b->ends; b->ends--) put(b, "\r\n", 2);
  if (b->blank) put(b, " ", 1);
  b->blank = 0;
  b->some = 1;
}

static void data(canon_body *b, char const *s, size_t len)
{
  settle(b);
  put(b, s, len);
}

static void end_line(canon_body *b)
{
  b->cr = b->blank = 0;
  b->ends++;
}

void canon_body_add(canon_body *b, char const *s, size_t len)
{
  int relaxed = b->how == CANON_RELAXED;
  char const *end = s + len, *from;
  while (s < end) {
    if (*s == '\n') {
      end_line(b), s++;
      continue;
    }
    if (b->cr) data(b, "\r", 1);
    b->cr = *s == '\r';
    if (b->cr) {
      s++;
    } else if (relaxed && blank(*s)) {
      b->blank = 1, s++;
    } else {
      for (from = s; s < end && *s != '\r' && *s != '\n'; s++)
        if (relaxed && blank(*s)) break;
      data(b, from, (size_t)(s - from));
    }
  }
}

void canon_body_end(canon_body *b)
{
  if (b->cr) data(b, "\r", 1);
  if (b->how == CANON_SIMPLE || b->some) put(b, "\r\n", 2);
  flush(b);
}
