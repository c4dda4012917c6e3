#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "head.h"
#include "header.h"

void head_reset(head *h)
{
  h->own.len = h->above.len = h->omit.len = h->fields.len = 0;
  h->line = 0;
}

static int add(head *h, stralloc *sa, char const *s, size_t len)
{
  if (len > HEAD_MAX - h->own.len - h->above.len - h->omit.len)
    return errno = EMSGSIZE, -1;
  return stralloc_catb(sa, s, len) ? 1 : -1;
}

/* Whether the line that has just ended is empty */
static int empty_line(head const *h)
{
  char const *s = h->own.s + h->line;
  size_t n = h->own.len - h->line;
  return n == 1 || (n == 2 && *s == '\r');
}

int head_add(head *h, char const *s, size_t len, size_t *used)
{
  for (*used = 0; *used < len;) {
    char const *from = s + *used, *lf = memchr(from, '\n', len - *used);
    size_t n = lf ? (size_t)(lf - from) + 1 : len - *used;
    if (add(h, &h->own, from, n) < 0) return -1;
    *used += n;
    if (!lf) return 0;
    if (empty_line(h)) {
      h->own.len = h->line;
      return 1;
    }
    h->line = h->own.len;
  }
  return 0;
}

int head_above(head *h, char const *field, size_t len)
{
  return add(h, &h->above, field, len);
}

int head_omit(head *h, char const *name, unsigned long n)
{
  char number[24];
  snprintf(number, sizeof number, "%lu", n);
  if (add(h, &h->omit, name, strlen(name) + 1) < 0) return -1;
  return add(h, &h->omit, number, strlen(number) + 1);
}

static size_t count(head const *h)
{
  return h->fields.len / sizeof(head_field);
}

head_field const *head_all(head const *h, size_t *n)
{
  *n = count(h);
  return (head_field const *)(void const *)h->fields.s;
}

static int is(head_field const *f, char const *name, size_t len)
{
  return f->namelen == len && !strncasecmp(f->s, name, len);
}

/* Cuts sa into fields, in the order of the text */
static int cut(head *h, stralloc const *sa)
{
  header_field f;
  size_t at = 0;
  while (at < sa->len) {
    head_field item;
    if (header_next(&f, sa->s + at, sa->len - at) != 1) return 0;
    item = (head_field){f.s, f.len, f.namelen, 0};
    if (!stralloc_catb(&h->fields, (char const *)&item, sizeof item)) return -1;
    at += f.len;
  }
  return 1;
}

/* E's numbers count the fields as they came, omitted ones too */
static void omit(head_field *v, size_t n, char const *name, unsigned long nth)
{
  size_t len = strlen(name);
  for (size_t i = 0; i < n; i++)
    if (is(v + i, name, len) && !--nth) {
      v[i].omitted = 1;
      return;
    }
}

static void omit_all(head *h)
{
  head_field *v = (head_field *)(void *)h->fields.s;
  for (size_t at = 0; at < h->omit.len;) {
    char const *name = h->omit.s + at, *number = name + strlen(name) + 1;
    omit(v, count(h), name, strtoul(number, 0, 10));
    at = (size_t)(number - h->omit.s) + strlen(number) + 1;
  }
}

/* Own fields: bottom first, without those that E names */
static void turn(head *h)
{
  head_field *v = (head_field *)(void *)h->fields.s;
  size_t n = count(h), kept = 0;
  for (size_t i = 0; i < n / 2; i++) {
    head_field f = v[i];
    v[i] = v[n - 1 - i];
    v[n - 1 - i] = f;
  }
  for (size_t i = 0; i < n; i++)
    if (!v[i].omitted) v[kept++] = v[i];
  h->fields.len = kept * sizeof *v;
}

int head_finish(head *h)
{
  int r;
  h->fields.len = 0;
  r = cut(h, &h->own);
  if (r <= 0) return r;
  omit_all(h);
  turn(h);
  return cut(h, &h->above); /* the first H is the lowest */
}

head_field const *head_find(head const *h, char const *name, size_t len,
                            size_t nth)
{
  size_t n;
  head_field const *v = head_all(h, &n);
  for (size_t i = 0; i < n; i++)
    if (is(v + i, name, len) && !nth--) return v + i;
  return 0;
}

size_t head_count(head const *h, char const *name, size_t len)
{
  size_t n, found = 0;
  head_field const *v = head_all(h, &n);
  for (size_t i = 0; i < n; i++) found += (size_t)is(v + i, name, len);
  return found;
}
