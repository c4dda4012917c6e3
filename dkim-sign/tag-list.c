#include <string.h>

#include <sodium.h>

#include "tag-list.h"
#include "utf8.h"

static int blank(char c)
{
  return c == ' ' || c == '\t';
}

/* Length of the FWS at s (2.8, and RFC 5322 4.2: of several lines) */
static size_t fws(char const *s, char const *end)
{
  char const *p = s;
  while (p < end) {
    char const *q = p;
    if (end - q > 1 && *q == '\r' && q[1] == '\n') q++;
    if (*q == '\n') q++;
    if (q == end || !blank(*q)) break;
    p = q + 1;
  }
  return (size_t)(p - s);
}

static int letter(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int digit(char c)
{
  return c >= '0' && c <= '9';
}

static size_t name(char const *s, char const *end)
{
  char const *p = s;
  if (p == end || !letter(*p)) return 0;
  while (p < end && (letter(*p) || digit(*p) || *p == '_')) p++;
  return (size_t)(p - s);
}

/* Length of the value at s with FWS inside but not at its end, *gap of that */
static size_t value(char const *s, char const *end, size_t *gap)
{
  char const *p = s, *last = s;
  while (p < end) {
    size_t n = fws(p, end);
    if (!n) {
      n = *p > ' ' && *p < 127 && *p != ';' ? 1
          : *p & 0x80                       ? utf8_char(p, (size_t)(end - p))
                                            : 0;
      if (!n) break;
      last = p + n;
    }
    p += n;
  }
  *gap = (size_t)(p - last);
  return (size_t)(last - s);
}

/* One tag with the FWS around it: its length, or 0 */
static size_t take(tag *t, char const *s, char const *end)
{
  char const *p = s + fws(s, end);
  size_t gap;
  t->name = p;
  t->namelen = name(p, end);
  if (!t->namelen) return 0;
  p += t->namelen;
  p += fws(p, end);
  if (p == end || *p != '=') return 0;
  t->raw = ++p;
  t->s = p += fws(p, end);
  t->len = value(p, end, &gap);
  p += t->len + gap;
  t->rawlen = (size_t)(p - t->raw);
  return (size_t)(p - s);
}

static tag const *find(tag_list const *t, char const *s, size_t len)
{
  for (unsigned i = 0; i < t->n; i++)
    if (t->v[i].namelen == len && !memcmp(t->v[i].name, s, len))
      return t->v + i;
  return 0;
}

int tag_list_scan(tag_list *t, char const *s, size_t len)
{
  char const *end = s + len;
  t->n = 0;
  for (;;) {
    tag one;
    size_t n = take(&one, s, end);
    if (!n || t->n == TAG_LIST_MAX || find(t, one.name, one.namelen)) return 0;
    t->v[t->n++] = one;
    s += n;
    if (s == end) return 1;
    if (*s++ != ';') return 0;
    if (s + fws(s, end) == end) return 1;
  }
}

tag const *tag_find(tag_list const *t, char const *s)
{
  return find(t, s, strlen(s));
}

int tag_is(tag const *t, char const *s)
{
  return t->len == strlen(s) && !memcmp(t->s, s, t->len);
}

int tag_word(tag const *t, size_t *at, char const **word, size_t *len)
{
  char const *s, *end, *colon;
  size_t gap;
  if (*at > t->len) return 0;
  s = t->s + *at;
  end = t->s + t->len;
  colon = memchr(s, ':', (size_t)(end - s));
  *at += (size_t)((colon ? colon : end) - s) + 1;
  if (colon) end = colon;
  *word = s += fws(s, end);
  *len = value(s, end, &gap);
  return 1;
}

int tag_has(tag const *t, char const *s)
{
  char const *word;
  size_t at = 0, len, want = strlen(s);
  while (tag_word(t, &at, &word, &len))
    if (len == want && !memcmp(word, s, len)) return 1;
  return 0;
}

int tag_number(tag const *t, unsigned most, uint64_t *n)
{
  *n = 0;
  if (!t->len || t->len > most) return 0;
  for (size_t i = 0; i < t->len; i++) {
    uint64_t d = (uint64_t)(t->s[i] - '0');
    if (!digit(t->s[i])) return 0;
    *n = *n > (UINT64_MAX - d) / 10 ? UINT64_MAX : *n * 10 + d;
  }
  return 1;
}

int tag_base64(tag const *t, unsigned char *to, size_t size, size_t *n)
{
  size_t len = t->len, letters = 0, pads = 0;
  while (len && strchr("= \t\r\n", t->s[len - 1])) pads += t->s[--len] == '=';
  for (size_t i = 0; i < len; i++) letters += !strchr(" \t\r\n", t->s[i]);
  if (!letters || pads > 2 || (pads && (letters + pads) % 4)) return 0;
  return sodium_base642bin(to, size, t->s, len, " \t\r\n", n, 0,
                           sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0 &&
         *n;
}
