#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "names.h"
#include "names-utf8.h"
#include "utf8.h"

static char const digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "abcdefghijklmnopqrstuvwxyz0123456789+,";

typedef struct writer {
  char *to;
  size_t n;
  uint32_t bits;
  unsigned have; /* bits that are not written yet */
  int shifted, full;
} writer;

static void put(writer *w, char c)
{
  if (w->n == MAILDIR_NAME)
    w->full = 1;
  else
    w->to[w->n++] = c;
}

static void put_unit(writer *w, uint32_t unit)
{
  if (!w->shifted) put(w, '&');
  w->shifted = 1;
  w->bits = w->bits << 16 | unit;
  for (w->have += 16; w->have >= 6; w->have -= 6)
    put(w, digits[w->bits >> (w->have - 6) & 63]);
}

static void unshift(writer *w)
{
  if (!w->shifted) return;
  if (w->have) put(w, digits[w->bits << (6 - w->have) & 63]);
  put(w, '-');
  w->shifted = 0;
  w->have = 0;
}

static void put_character(writer *w, uint32_t c)
{
  if (c >= 32 && c < 127) {
    unshift(w);
    put(w, (char)c);
    if (c == '&') put(w, '-');
  } else if (c < 0x10000) {
    put_unit(w, c);
  } else {
    put_unit(w, 0xd800 + ((c - 0x10000) >> 10));
    put_unit(w, 0xdc00 + ((c - 0x10000) & 0x3ff));
  }
}

/* What Net-Unicode has not (RFC 5198 2). */
static int is_control(uint32_t c)
{
  return c < 32 || (c >= 127 && c < 160) || c == 0x2028 || c == 0x2029;
}

static int encode(writer *w, unsigned char const *s, size_t len)
{
  utf8proc_int32_t c;
  for (size_t i = 0; i < len;) {
    utf8proc_ssize_t n =
        utf8proc_iterate(s + i, (utf8proc_ssize_t)(len - i), &c);
    if (n <= 0 || is_control((uint32_t)c)) return 0;
    put_character(w, (uint32_t)c);
    i += (size_t)n;
  }
  unshift(w);
  return !w->full;
}

size_t name_from_utf8(char *to, char const *s, size_t len, int *changed)
{
  writer w = {.to = to};
  utf8proc_uint8_t *nfc = 0;
  utf8proc_ssize_t n;
  int good;
  if (!len || len > NAMES_UTF8 || !utf8_valid(s, len)) return 0;
  n = utf8proc_map((utf8proc_uint8_t const *)s, (utf8proc_ssize_t)len, &nfc,
                   UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  if (n <= 0) return 0;
  good = encode(&w, nfc, (size_t)n);
  *changed = (size_t)n != len || memcmp(nfc, s, len);
  free(nfc);
  if (!good) return 0;
  to[w.n] = 0;
  return w.n;
}

static size_t put_utf8(char *to, uint32_t c)
{
  return (size_t)utf8proc_encode_char((utf8proc_int32_t)c,
                                      (utf8proc_uint8_t *)to);
}

/* From behind '&' to behind '-', which name_utf7 has found to be right. */
static char const *decode(char const *s, char *to, size_t *n)
{
  uint32_t bits = 0, high = 0;
  unsigned have = 0;
  if (*s == '-') to[(*n)++] = '&';
  for (; *s != '-'; s++) {
    uint32_t unit;
    bits = bits << 6 | (uint32_t)(strchr(digits, *s) - digits);
    have += 6;
    if (have < 16) continue;
    have -= 16;
    unit = bits >> have & 0xffff;
    if (unit >= 0xd800 && unit < 0xdc00) {
      high = unit;
      continue;
    }
    if (unit >= 0xdc00 && unit < 0xe000)
      unit = 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00);
    *n += put_utf8(to + *n, unit);
  }
  return s + 1;
}

size_t name_to_utf8(char *to, char const *name)
{
  size_t n = 0, len = strlen(name);
  int right = name_utf7(name, len);
  while (*name)
    if (*name == '&' && right)
      name = decode(name + 1, to, &n);
    else
      to[n++] = *name++;
  to[n] = 0;
  return n;
}
