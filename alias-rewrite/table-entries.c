#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/strerr.h>

#include "table-entries.h"

static table_entry *list(table_entries const *e)
{
  return genalloc_s(table_entry, &e->list);
}

static size_t count(table_entries const *e)
{
  return genalloc_len(table_entry, &e->list);
}

static void check(int done)
{
  if (!done) strerr_diefu1sys(111, "allocate memory");
}

void entries_add(table_entries *e, text_line const *from, unsigned source,
                 stralloc const *key, stralloc const *value)
{
  table_entry new = {.key = e->text.len,
                     .keylen = key->len,
                     .value = e->text.len + key->len,
                     .valuelen = value->len,
                     .source = source,
                     .file = from->file,
                     .line = from->number};
  check(stralloc_cat(&e->text, key) && stralloc_cat(&e->text, value));
  check(genalloc_append(table_entry, &e->list, &new));
}

static int compare_key(char const *a, size_t alen, char const *b, size_t blen)
{
  int r = memcmp(a, b, alen < blen ? alen : blen);
  return r ? r : alen < blen ? -1 : alen > blen;
}

static int compare(void const *a, void const *b, void *text)
{
  table_entry const *x = a, *y = b;
  char const *s = text;
  int r = compare_key(s + x->key, x->keylen, s + y->key, y->keylen);
  if (r) return r;
  if (x->source != y->source) return x->source < y->source ? -1 : 1;
  return x->key < y->key ? -1 : 1;
}

static int same_key(table_entries const *e, size_t i, size_t j)
{
  table_entry const *x = list(e) + i, *y = list(e) + j;
  return !compare_key(e->text.s + x->key, x->keylen, e->text.s + y->key,
                      y->keylen);
}

static void die_twice(table_entries *e, table_entry const *first,
                      table_entry const *again)
{
  text_line l = {.file = again->file, .number = again->line};
  char number[24];
  stralloc what = STRALLOC_ZERO;
  snprintf(number, sizeof number, "%lu", first->line);
  check(stralloc_catb(&what, e->text.s + again->key, again->keylen) &&
        stralloc_cats(&what, " is already in ") &&
        stralloc_cats(&what, first->file) && stralloc_cats(&what, ":") &&
        stralloc_cats(&what, number) && stralloc_0(&what));
  text_die(&l, what.s, 0);
}

void entries_sort(table_entries *e)
{
  size_t i;
  if (!count(e)) return;
  qsort_r(list(e), count(e), sizeof(table_entry), compare, e->text.s);
  for (i = 1; i < count(e); i++)
    if (same_key(e, i - 1, i) && list(e)[i - 1].source == list(e)[i].source)
      die_twice(e, list(e) + i - 1, list(e) + i);
}

int entries_have(table_entries const *e, char const *key, size_t len)
{
  size_t low = 0, high = count(e);
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    table_entry const *x = list(e) + mid;
    int r = compare_key(key, len, e->text.s + x->key, x->keylen);
    if (!r) return 1;
    if (r < 0)
      high = mid;
    else
      low = mid + 1;
  }
  return 0;
}

void entries_merge(table_entries *e)
{
  size_t i, kept = 0;
  for (i = 0; i < count(e); i++)
    if (!i || !same_key(e, kept - 1, i)) list(e)[kept++] = list(e)[i];
  genalloc_setlen(table_entry, &e->list, kept);
}

void entries_join(table_entries *e, unsigned max)
{
  size_t i, kept = 0;
  unsigned n = 0;
  for (i = 0; i < count(e); i++) {
    table_entry *x = list(e) + i, *to = list(e) + kept - 1;
    if (!i || !same_key(e, kept - 1, i)) {
      /* a copy at the end of the text, where it can grow */
      size_t at = e->text.len;
      check(stralloc_readyplus(&e->text, x->keylen + x->valuelen));
      stralloc_catb(&e->text, e->text.s + x->key, x->keylen + x->valuelen);
      x->key = at;
      x->value = at + x->keylen;
      list(e)[kept++] = *x;
      n = 1;
      continue;
    }
    if (++n > max) {
      text_line l = {.file = x->file, .number = x->line};
      text_die(&l, "too many patterns", 0);
    }
    check(stralloc_readyplus(&e->text, x->valuelen));
    stralloc_catb(&e->text, e->text.s + x->value, x->valuelen);
    to->valuelen += x->valuelen;
  }
  genalloc_setlen(table_entry, &e->list, kept);
}

void entries_print(table_entries const *e, char const *prefix, stralloc *out)
{
  size_t i;
  for (i = 0; i < count(e); i++) {
    table_entry const *x = list(e) + i;
    char head[64];
    snprintf(head, sizeof head, "+%zu,%zu:%s", strlen(prefix) + x->keylen,
             x->valuelen, prefix);
    check(stralloc_cats(out, head) &&
          stralloc_catb(out, e->text.s + x->key, x->keylen) &&
          stralloc_cats(out, "->") &&
          stralloc_catb(out, e->text.s + x->value, x->valuelen) &&
          stralloc_cats(out, "\n"));
  }
}
