#include <stdio.h>
#include <string.h>

#include "tags.h"

#define TAB 8

static int cat(tags *t, char const *s, size_t len)
{
  t->column += len;
  return stralloc_catb(t->out, s, len) ? 1 : -1;
}

static int fold(tags *t)
{
  t->column = TAB;
  return stralloc_catb(t->out, "\r\n\t", 3) ? 1 : -1;
}

int tags_begin(tags *t, stralloc *out, char const *field)
{
  *t = (tags){.out = out, .first = 1};
  if (cat(t, field, strlen(field)) < 0) return -1;
  return cat(t, ":", 1);
}

/* Ends the tag before and starts one of which n bytes must stay together; one
   column is kept for the semicolon behind it. */
static int start(tags *t, size_t n)
{
  if (!t->first && cat(t, ";", 1) < 0) return -1;
  t->first = 0;
  if (t->column + 1 + n + 1 > TAGS_COLUMNS) return fold(t);
  return cat(t, " ", 1);
}

int tags_put(tags *t, char const *name, char const *value)
{
  if (start(t, strlen(name) + 1 + strlen(value)) < 0) return -1;
  if (cat(t, name, strlen(name)) < 0 || cat(t, "=", 1) < 0) return -1;
  return cat(t, value, strlen(value));
}

int tags_put_number(tags *t, char const *name, unsigned long long value)
{
  char digits[24];
  snprintf(digits, sizeof digits, "%llu", value);
  return tags_put(t, name, digits);
}

int tags_open(tags *t, char const *name)
{
  if (start(t, strlen(name) + 1 + TAB) < 0) return -1;
  if (cat(t, name, strlen(name)) < 0) return -1;
  return cat(t, "=", 1);
}

int tags_more(tags *t, char const *word, size_t len)
{
  if (t->column + len + 1 > TAGS_COLUMNS && fold(t) < 0) return -1;
  return cat(t, word, len);
}

int tags_more_base64(tags *t, char const *s, size_t len)
{
  while (len) {
    size_t room = t->column + 1 < TAGS_COLUMNS ? TAGS_COLUMNS - 1 - t->column
                                               : TAGS_COLUMNS - 1 - TAB;
    size_t n = len < room ? len : room;
    if (tags_more(t, s, n) < 0) return -1;
    s += n;
    len -= n;
  }
  return 1;
}
