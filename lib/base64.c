#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base64.h"

static char const alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789+/";

/* 0 to 63, or -1 */
static int digit(char c)
{
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_encode(stralloc *out, void const *s, size_t len)
{
  unsigned char const *u = s;
  char *p;
  size_t i;
  if (len > SIZE_MAX / 2) return errno = ENOMEM, -1;
  if (!stralloc_readyplus(out, (len + 2) / 3 * 4)) return -1;
  p = out->s + out->len;
  for (i = 0; i < len; i += 3) {
    size_t n = len - i;
    unsigned v = (unsigned)u[i] << 16;
    if (n > 1) v |= (unsigned)u[i + 1] << 8;
    if (n > 2) v |= u[i + 2];
    *p++ = alphabet[v >> 18];
    *p++ = alphabet[v >> 12 & 63];
    *p++ = n > 1 ? alphabet[v >> 6 & 63] : '=';
    *p++ = n > 2 ? alphabet[v & 63] : '=';
  }
  out->len = (size_t)(p - out->s);
  return 1;
}

int base64_valid(char const *s)
{
  size_t n = strspn(s, alphabet), pad = strspn(s + n, "=");
  return pad <= 2 && !s[n + pad] && (n + pad) % 4 == 0;
}

/* *acc: how many bits wait << 8 | these bits. Bytes are given out as soon as
   their bits are there, so that there is nothing to flush at the end. */
int base64_decode_mail(stralloc *out, char const *s, size_t len, unsigned *acc)
{
  unsigned bits = *acc >> 8, v = *acc & 255;
  size_t i;
  if (!stralloc_readyplus(out, len / 4 * 3 + 3)) return -1;
  for (i = 0; i < len; i++) {
    int d = digit(s[i]);
    if (s[i] == '=') bits = v = 0;
    if (d < 0) continue;
    v = v << 6 | (unsigned)d;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out->s[out->len++] = (char)(v >> bits & 255);
    }
    v &= (1u << bits) - 1;
  }
  *acc = bits << 8 | v;
  return 1;
}
