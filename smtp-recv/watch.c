#include <string.h>
#include <strings.h>

#include "watch.h"

void watch_start(watch *w, char const *me)
{
  w->me = me;
  w->ended = w->middle = w->folded = w->overflow = 0;
  w->received = w->results = w->nforged = 0;
  w->has_date = w->has_id = 0;
  w->len = w->header = w->longest = w->line = 0;
}

/* Behind comments and blanks (RFC 5322 3.2.2). */
static size_t skip_cfws(char const *s, size_t i, size_t len)
{
  unsigned depth = 0;
  for (; i < len; i++) {
    if (s[i] == '(')
      depth++;
    else if (depth && s[i] == ')')
      depth--;
    else if (depth && s[i] == '\\')
      i++;
    else if (!depth && !strchr(" \t\r\n", s[i]))
      break;
  }
  return i;
}

/* How much of a value that may have been cut is the same as ours: all that is
   there, or all of ours. */
static int begins(char const *s, size_t len, char const *me)
{
  size_t n = strlen(me);
  return !strncasecmp(s, me, len < n ? len : n);
}

int watch_claims(char const *value, size_t len, char const *me)
{
  size_t i = skip_cfws(value, 0, len);
  if (i >= len) return 1;
  if (value[i] == '"') {
    for (i++; i < len && value[i] != '"'; i++, me++) {
      if (value[i] == '\\') i++;
      if (i >= len) return 1;
      if (!*me || strncasecmp(value + i, me, 1)) return 0;
    }
    return i >= len || !*me;
  }
  if (!begins(value + i, len - i, me)) return 0;
  i += strlen(me);
  return i >= len || strchr(" \t\r\n;(", value[i]) != 0;
}

static void results(watch *w, char const *value, size_t len)
{
  w->results++;
  if (!watch_claims(value, len, w->me)) return;
  if (w->nforged == WATCH_FORGED)
    w->overflow = 1;
  else
    w->forged[w->nforged++] = w->results;
}

static int named(char const *s, size_t len, char const *name)
{
  return len == strlen(name) && !strncasecmp(s, name, len);
}

static void field_done(watch *w)
{
  char const *f = w->field, *colon = memchr(f, ':', w->len);
  size_t n = colon ? (size_t)(colon - f) : 0;
  while (n && (f[n - 1] == ' ' || f[n - 1] == '\t')) n--;
  if (named(f, n, "Authentication-Results"))
    results(w, colon + 1, w->len - (size_t)(colon + 1 - f));
  w->received += named(f, n, "Received");
  w->has_date |= named(f, n, "Date");
  w->has_id |= named(f, n, "Message-ID");
  w->len = 0;
}

static void collect(watch *w, char const *s, size_t n)
{
  if (n > WATCH_FIELD - w->len) n = WATCH_FIELD - w->len;
  memcpy(w->field + w->len, s, n);
  w->len += n;
}

static void measure(watch *w, char const *s, char const *end)
{
  while (s < end) {
    char const *lf = memchr(s, '\n', (size_t)(end - s));
    w->line += (size_t)((lf ? lf + 1 : end) - s);
    /* A line is measured with its CRLF, and one that goes on without. */
    if (w->line > (lf ? 2 : 0) + w->longest)
      w->longest = w->line - (lf ? 2 : 0);
    if (lf) w->line = 0;
    s = lf ? lf + 1 : end;
  }
}

void watch_feed(watch *w, char const *s, size_t len)
{
  char const *end = s + len;
  measure(w, s, end);
  while (s < end && !w->ended) {
    char const *lf = memchr(s, '\n', (size_t)(end - s));
    char const *next = lf ? lf + 1 : end;
    if (!w->header) w->folded = *s == ' ' || *s == '\t';
    w->header += (size_t)(next - s);
    if (!w->middle && *s != ' ' && *s != '\t') field_done(w);
    if (!w->middle && *s == '\r')
      w->ended = 1;
    else
      collect(w, s, (size_t)(next - s));
    w->middle = !lf;
    s = next;
  }
}

void watch_end(watch *w)
{
  if (!w->ended) field_done(w);
  w->ended = 1;
}
