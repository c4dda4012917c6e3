/* What is asked for, made fit for a header, and written as E and H. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "view.h"

#define LINE_FOLD 900 /* RFC 5322 2.1.1: at most 998 */

static int good_name(char const *s)
{
  size_t n = strlen(s);
  if (!n || n > VIEW_NAME) return 0;
  for (; *s; s++)
    if (*s <= ' ' || *s > '~' || *s == ':') return 0;
  return 1;
}

static int blank(char c)
{
  return c == ' ' || c == '\t';
}

/* Where the next line begins that is more than blanks; len: nowhere. i is
   behind a line's end. */
static size_t next_line(char const *s, size_t len, size_t i)
{
  for (size_t start = i; i < len; i++) {
    if (s[i] == '\n')
      start = i + 1;
    else if (!blank(s[i]) && (s[i] != '\r' || i + 1 == len || s[i + 1] != '\n'))
      return start;
  }
  return len;
}

/* Appends a value whose lines may end with LF or CRLF, and begin with or
   without a blank: whatever it holds, it stays one field (RFC 5322 2.2.3), and
   folds that are right stay as they are, for somebody may have signed them. */
static int put_value(stralloc *to, char const *s, size_t len)
{
  size_t column = 0;
  for (size_t i = 0; i < len; i++) {
    char c = s[i];
    if (c == '\r' && i + 1 < len && s[i + 1] == '\n') continue;
    if (c == '\n') {
      i = next_line(s, len, i + 1);
      if (i == len) break;
      if (!stralloc_cats(to, blank(s[i]) ? "\r\n" : "\r\n\t")) return -1;
      column = 0;
      c = s[i];
    }
    if ((c < ' ' && c != '\t') || c > '~') c = '?';
    if (column++ > LINE_FOLD && blank(c)) {
      while (i + 1 < len && blank(s[i + 1])) i++;
      if (next_line(s, len, i + 1) == len) break;
      if (!stralloc_cats(to, "\r\n")) return -1;
      column = 0;
    }
    if (!stralloc_append(to, c)) return -1;
  }
  return 1;
}

int view_add(view *v, char const *name, char const *value, size_t len,
             int where)
{
  stralloc *to = where == VIEW_END ? &v->low : &v->added;
  size_t at = to->len, size;
  while (len && *value == ' ') value++, len--;
  if (!good_name(name) || len > VIEW_VALUE || v->changes >= VIEW_CHANGES)
    return 0;
  v->changes++;
  if (!stralloc_catb(to, (char *)&at, sizeof at)) return -1;
  if (!stralloc_cats(to, name) || !stralloc_cats(to, ": ")) return -1;
  if (put_value(to, value, len) < 0 || !stralloc_cats(to, "\r\n")) return -1;
  size = to->len - at - sizeof size;
  if (size > PARCEL_RECORD - 2) return to->len = at, 0;
  memcpy(to->s + at, &size, sizeof size);
  return 1;
}

static int by_number(void const *a, void const *b)
{
  unsigned long x, y;
  memcpy(&x, a, sizeof x);
  memcpy(&y, b, sizeof y);
  return x < y ? -1 : x > y;
}

/* The numbers of the fields of that name that E has left out before, sorted. */
static int numbers(view const *v, char const *name, stralloc *to)
{
  to->len = 0;
  for (size_t i = 0; i < v->omitted.len;) {
    char const *s = v->omitted.s + i, *n = s + strlen(s) + 1;
    unsigned long nth = strtoul(n, 0, 10);
    if (!strcasecmp(s, name) && !stralloc_catb(to, (char *)&nth, sizeof nth))
      return -1;
    i += strlen(s) + 1 + strlen(n) + 1;
  }
  if (to->len) qsort(to->s, to->len / sizeof(long), sizeof(long), by_number);
  return 1;
}

/* Of one name, all fields that are gone. What E has left out before is not
   shown, but counts for the number. */
static int omit_name(view *v, filter *f, char const *name, stralloc *out)
{
  header_field x;
  unsigned long nth = 1, n;
  size_t at = 0, i = 0, k = 0;
  int r;
  if (numbers(v, name, out) < 0) return -1;
  while ((r = header_next(&x, v->header.s + at, v->header.len - at))) {
    at += x.len;
    if (r < 0 || i++ < v->nabove || !header_is(&x, name)) continue;
    for (; k < out->len; k += sizeof n) {
      memcpy(&n, out->s + k, sizeof n);
      if (n > nth) break;
      nth += n == nth; /* a number may come twice */
    }
    if (v->gone.s[i - 1] == 1) {
      v->gone.s[i - 1] = 2;
      if (filter_omit(f, name, (unsigned)nth) < 0) return -1;
    }
    nth++;
  }
  return 1;
}

static int omit_gone(view *v, filter *f)
{
  stralloc out = STRALLOC_ZERO;
  header_field x;
  size_t at = 0, i = 0;
  int r, good = 1;
  char name[VIEW_NAME + 1];
  while (good > 0 &&
         (r = header_next(&x, v->header.s + at, v->header.len - at))) {
    at += x.len;
    if (r < 0 || v->gone.s[i++] != 1) continue;
    memcpy(name, x.s, x.namelen);
    name[x.namelen] = 0;
    good = omit_name(v, f, name, &out);
  }
  stralloc_free(&out);
  return good;
}

/* The last H stands on top: low ones go first, the last of them before all. */
static int flush_low(view const *v, filter *f, size_t at)
{
  size_t n;
  char const *s = v->low.s + at;
  if (at >= v->low.len) return 1;
  memcpy(&n, s, sizeof n);
  if (flush_low(v, f, at + sizeof n + n) < 0) return -1;
  return filter_field(f, s + sizeof n, n);
}

int view_flush(view *v, filter *f)
{
  size_t n;
  if (omit_gone(v, f) < 0) return -1;
  if (flush_low(v, f, 0) < 0) return -1;
  for (size_t i = 0; i < v->added.len; i += n) {
    memcpy(&n, v->added.s + i, sizeof n);
    i += sizeof n;
    if (filter_field(f, v->added.s + i, n) < 0) return -1;
  }
  return 1;
}
