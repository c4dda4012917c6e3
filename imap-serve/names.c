#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "maildir.h"
#include "names.h"

int name_is_inbox(char const *s, size_t len)
{
  return len == 5 && !strncasecmp(s, "INBOX", 5);
}

int name_valid(char const *s, size_t len)
{
  if (!len || len > MAILDIR_NAME - 1) return 0;
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c < 32 || c > 126 || c == '/') return 0;
    if (c == NAMES_DELIMITER &&
        (!i || i + 1 == len || s[i + 1] == NAMES_DELIMITER))
      return 0;
  }
  return 1;
}

static int base64_value(char c)
{
  static char const digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789+,";
  char const *at = c ? strchr(digits, c) : 0;
  return at ? (int)(at - digits) : -1;
}

typedef struct utf16 {
  uint32_t bits;
  unsigned n;
  unsigned units;
  int high; /* a high surrogate waits for its low one */
} utf16;

/* One UTF-16 unit: what can stand for itself must, and surrogates pair. */
static int unit_good(utf16 *u, uint32_t c)
{
  int low = c >= 0xdc00 && c < 0xe000;
  if (c >= 32 && c < 127) return 0;
  if (u->high != low) return 0;
  u->high = c >= 0xd800 && c < 0xdc00;
  u->units++;
  return 1;
}

/* From behind '&' to its '-': how long, or 0 */
static size_t shifted(char const *s, size_t len)
{
  utf16 u = {0};
  size_t i;
  if (len && s[0] == '-') return 1;
  for (i = 0; i < len && s[i] != '-'; i++) {
    int v = base64_value(s[i]);
    if (v < 0) return 0;
    u.bits = (u.bits << 6 | (uint32_t)v) & 0xffffff;
    u.n += 6;
    if (u.n < 16) continue;
    u.n -= 16;
    if (!unit_good(&u, u.bits >> u.n & 0xffff)) return 0;
  }
  if (i == len || !u.units || u.high || u.n >= 6) return 0;
  if (u.bits & ((1u << u.n) - 1)) return 0;
  if (i + 1 < len && s[i + 1] == '&' && (i + 2 == len || s[i + 2] != '-'))
    return 0; /* null shift */
  return i + 1;
}

int name_utf7(char const *s, size_t len)
{
  for (size_t i = 0; i < len; i++) {
    size_t n;
    if (s[i] != '&') continue;
    n = shifted(s + i + 1, len - i - 1);
    if (!n) return 0;
    i += n;
  }
  return 1;
}

/* Row by row, so that no pattern costs more than its length times the
   name's: at[j] tells whether the pattern so far matches name[0..j). */
int name_match(char const *pattern, size_t len, char const *name)
{
  unsigned char at[3 * MAILDIR_NAME + 2] = {1}; /* it may be UTF-8 */
  size_t n = strlen(name);
  if (n > 3 * MAILDIR_NAME) return 0;
  for (size_t i = 0; i < len; i++) {
    char c = pattern[i];
    if (c == '*' || c == '%') {
      for (size_t j = 1; j <= n; j++)
        at[j] |= at[j - 1] && (c == '*' || name[j - 1] != NAMES_DELIMITER);
    } else {
      for (size_t j = n; j > 0; j--) at[j] = at[j - 1] && name[j - 1] == c;
      at[0] = 0;
    }
  }
  return at[n];
}
