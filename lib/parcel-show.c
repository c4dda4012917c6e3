#include <string.h>

#include "parcel-show.h"
#include "utf8.h"

static size_t hex(char *code, unsigned char c)
{
  static char const digits[] = "0123456789abcdef";
  code[0] = '\\';
  code[1] = 'x';
  code[2] = digits[c >> 4];
  code[3] = digits[c & 15];
  return 4;
}

static size_t escape(char *code, char c)
{
  char letter = c == 0      ? '0'
                : c == '\r' ? 'r'
                : c == '\n' ? 'n'
                : c == '\t' ? 't'
                : c == '\\' ? c
                            : 0;
  if (!letter && c >= ' ' && c != 127) return *code = c, 1;
  if (!letter) return hex(code, (unsigned char)c);
  code[0] = '\\';
  code[1] = letter;
  return 2;
}

/* C1 controls are commands to some terminals; U+200E, U+200F, U+202A to U+202E,
   U+2066 to U+2069 turn the direction of what stands beside them. */
static int is_command(char const *s, size_t n)
{
  unsigned char last = (unsigned char)s[n - 1];
  if (n == 2) return !memcmp(s, "\xc2", 1) && last < 0xa0;
  if (n != 3) return 0;
  if (!memcmp(s, "\xe2\x80", 2))
    return last == 0x8e || last == 0x8f || (last >= 0xaa && last <= 0xae);
  return !memcmp(s, "\xe2\x81", 2) && last >= 0xa6 && last <= 0xa9;
}

/* Bytes of a character that is not ASCII and may be shown as it is, or 0. */
static size_t shown(char const *s, size_t len)
{
  size_t n = utf8_char(s, len);
  return n > 1 && !is_command(s, n) ? n : 0;
}

int parcel_show_text(stralloc *to, char const *s, size_t len)
{
  for (size_t i = 0, n; i < len; i += n ? n : 1) {
    char code[4];
    size_t coded;
    n = shown(s + i, len - i);
    if (n) {
      if (!stralloc_catb(to, s + i, n)) return -1;
      continue;
    }
    coded = s[i] & 0x80 ? hex(code, (unsigned char)s[i]) : escape(code, s[i]);
    if (!stralloc_catb(to, code, coded)) return -1;
  }
  return 1;
}

int parcel_show(stralloc *to, char type, char const *s, size_t len)
{
  if (!stralloc_append(to, type) || (len && !stralloc_append(to, ' ')))
    return -1;
  if (parcel_show_text(to, s, len) < 0) return -1;
  return stralloc_append(to, '\n') ? 1 : -1;
}
