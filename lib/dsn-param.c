#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dsn-param.h"
#include "utf8.h"

int dsn_notify(char to[DSN_NOTIFY], char const *s)
{
  static char const *const words[] = {"SUCCESS", "FAILURE", "DELAY"};
  size_t n = 0, len;
  if (!strcasecmp(s, "NEVER")) {
    memcpy(to, "NEVER", 6);
    return 1;
  }
  for (unsigned seen = 0;; s += len + 1) {
    unsigned w = 0;
    len = strcspn(s, ",");
    while (w < 3 && (len != strlen(words[w]) || strncasecmp(s, words[w], len)))
      w++;
    if (w == 3 || seen & 1u << w) return 0;
    seen |= 1u << w;
    n += (size_t)snprintf(to + n, DSN_NOTIFY - n, n ? ",%s" : "%s", words[w]);
    if (!s[len]) return 1;
  }
}

char const *dsn_ret(char const *s)
{
  return !strcasecmp(s, "FULL") ? "FULL" : !strcasecmp(s, "HDRS") ? "HDRS" : 0;
}

/* The value of an upper-case hexadecimal digit, or -1 */
static int hex(char c)
{
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int plain(unsigned char c)
{
  return c > ' ' && c < 127 && c != '=';
}

/* xtext that stands for printable ASCII: bytes used at s, or 0 */
static size_t xtext_one(char const *s)
{
  int c;
  if (*s != '+') return plain((unsigned char)*s) ? 1 : 0;
  if (hex(s[1]) < 0 || hex(s[2]) < 0) return 0;
  c = hex(s[1]) * 16 + hex(s[2]);
  return c >= ' ' && c < 127 ? 3 : 0;
}

static int xtext(char const *s)
{
  while (*s) {
    size_t n = xtext_one(s);
    if (!n) return 0;
    s += n;
  }
  return 1;
}

int dsn_envid_valid(char const *s)
{
  return *s && strlen(s) <= DSN_ENVID && xtext(s);
}

/* "\x{HEX}" (RFC 6533 3, EmbeddedUnicodeChar) for what ASCII has not, or must
   not stand here: bytes used, or 0 */
static size_t embedded(char const *s)
{
  unsigned long code = 0;
  size_t n = 3;
  if (strncmp(s, "\\x{", 3)) return 0;
  for (; hex(s[n]) >= 0 && n < 9; n++)
    code = code * 16 + (unsigned long)hex(s[n]);
  if (n < 5 || s[n] != '}' || s[3] == '0') return 0;
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return 0;
  if (code < 128 && code != '\\' && code != '+' && code != '=' && code != ' ')
    return 0;
  return n + 1;
}

/* utf-8-addr-xtext, or with utf8 utf-8-addr-unitext */
static int addr_xtext(char const *s, int utf8)
{
  if (utf8 && !utf8_valid(s, strlen(s))) return 0;
  while (*s) {
    unsigned char c = (unsigned char)*s;
    int one = c > 127 ? utf8 : plain(c) && c != '+';
    size_t n = c == '\\' ? embedded(s) : (size_t)one;
    if (!n) return 0;
    s += n;
  }
  return 1;
}

int dsn_orcpt_valid(char const *s, int utf8)
{
  static char const letters[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
  size_t type = strspn(s, letters);
  if (!type || s[type] != ';' || !s[type + 1] || strlen(s) > DSN_ORCPT)
    return 0;
  if (type == 5 && !strncasecmp(s, "utf-8", 5))
    return addr_xtext(s + type + 1, utf8);
  return xtext(s + type + 1);
}

/* The character of n bytes at s, which is valid UTF-8 */
static unsigned long character(char const *s, size_t n)
{
  unsigned long c = (unsigned char)*s & (n == 2 ? 31u : n == 3 ? 15u : 7u);
  for (size_t i = 1; i < n; i++) c = c << 6 | ((unsigned char)s[i] & 63u);
  return c;
}

void dsn_orcpt_ascii(char to[DSN_ORCPT_ASCII], char const *s)
{
  size_t len = 0, n;
  for (; *s && len < DSN_ORCPT_ASCII - 12; s += n) {
    n = utf8_char(s, strlen(s));
    if (n < 2) {
      n = 1;
      to[len++] = *s;
    } else {
      len += (size_t)snprintf(to + len, 12, "\\x{%lX}", character(s, n));
    }
  }
  to[len] = 0;
}
