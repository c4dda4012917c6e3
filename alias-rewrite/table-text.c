#include <stdio.h>
#include <string.h>

#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include "table-text.h"
#include "utf8.h"

static int blank(char c)
{
  return c == ' ' || c == '\t';
}

void text_die(text_line const *l, char const *why, char const *what)
{
  char number[24];
  snprintf(number, sizeof number, "%lu", l->number);
  if (what) strerr_dief7x(1, l->file, ":", number, ": ", why, ": ", what);
  strerr_dief5x(1, l->file, ":", number, ": ", why);
}

void text_check(int done)
{
  if (!done) strerr_diefu1sys(111, "allocate memory");
}

void text_must(int r, text_line const *l, char const *why, char const *s,
               size_t len)
{
  static char what[TEXT_SHOWN + 1];
  if (r > 0) return;
  text_check(r == 0);
  snprintf(what, sizeof what, "%.*s",
           (int)(len > TEXT_SHOWN ? TEXT_SHOWN : len), s);
  text_die(l, why, what);
}

size_t text_find(char const *s, size_t len, char c)
{
  size_t i;
  int quoted = 0, bracket = 0;
  for (i = 0; i < len; i++) {
    if (s[i] == c && !quoted && !bracket) return i;
    if (quoted && s[i] == '\\')
      i++;
    else if (s[i] == '"')
      quoted = !quoted;
    else if (!quoted && s[i] == '[')
      bracket = 1;
    else if (!quoted && s[i] == ']')
      bracket = 0;
  }
  return len;
}

int text_word(text_line const *l, size_t *pos, char const **word, size_t *len)
{
  while (blank(l->s[*pos])) ++*pos;
  *word = l->s + *pos;
  *len = 0;
  while ((*word)[*len] && !blank((*word)[*len])) ++*len;
  *pos += *len;
  return *len > 0;
}

int text_item(text_line const *l, size_t *pos, char const **item, size_t *len)
{
  while (*pos < l->len) {
    char const *s = l->s + *pos;
    size_t n = text_find(s, l->len - *pos, ',');
    *pos += n + 1;
    while (n && blank(*s)) s++, n--;
    while (n && blank(s[n - 1])) n--;
    *item = s;
    *len = n;
    if (n) return 1;
  }
  return 0;
}

/* A # counts outside quotes, at the start or behind a blank. */
static size_t without_comment(char const *s, size_t len)
{
  size_t i = 0;
  for (;;) {
    i += text_find(s + i, len - i, '#');
    if (i == len || !i || blank(s[i - 1])) return i;
    i++;
  }
}

static void check_text(text_line const *l, char const *s, size_t len)
{
  size_t i;
  for (i = 0; i < len; i++)
    if ((s[i] >= 0 && s[i] < ' ' && s[i] != '\t') || s[i] == 127)
      text_die(l, "control character", 0);
  if (!utf8_valid(s, len)) text_die(l, "not UTF-8", 0);
}

static void add(stralloc *entry, char const *s, size_t len)
{
  if (!stralloc_catb(entry, s, len)) strerr_diefu1sys(111, "allocate memory");
}

static void flush(stralloc *entry, text_line *l,
                  void (*each)(text_line const *, void *), void *data)
{
  if (!entry->len) return;
  l->len = entry->len;
  add(entry, "", 1);
  l->s = entry->s;
  each(l, data);
  entry->len = 0;
}

void text_each(char const *file, void (*each)(text_line const *, void *),
               void *data)
{
  stralloc all = STRALLOC_ZERO, entry = STRALLOC_ZERO;
  text_line l = {.file = file, .number = 0};
  unsigned long number = 0;
  size_t pos = 0;
  if (!openslurpclose(&all, file)) strerr_diefu2sys(111, "read ", file);
  while (pos < all.len) {
    char const *s = all.s + pos;
    char const *lf = memchr(s, '\n', all.len - pos);
    size_t len = lf ? (size_t)(lf - s) : all.len - pos;
    text_line here = {.file = file, .number = ++number};
    pos += len + 1;
    if (len && s[len - 1] == '\r') len--;
    check_text(&here, s, len);
    len = without_comment(s, len);
    while (len && blank(s[len - 1])) len--;
    if (!len) continue;
    if (!blank(*s)) {
      flush(&entry, &l, each, data);
      l = here;
    } else if (!entry.len) {
      text_die(&here, "continues nothing: an entry begins in column 1", 0);
    }
    add(&entry, s, len);
  }
  flush(&entry, &l, each, data);
  stralloc_free(&all);
  stralloc_free(&entry);
}

int text_name(char const *s, size_t len)
{
  static char const legal[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  if (!len || len > 64) return 0;
  for (size_t i = 0; i < len; i++)
    if (!memchr(legal, s[i], sizeof legal - 1)) return 0;
  return 1;
}
