#include "utf8.h"

size_t utf8_char(char const *s, size_t len)
{
  unsigned char const *u = (unsigned char const *)s;
  unsigned char low = 0x80, high = 0xbf;
  size_t n, i;
  if (!len) return 0;
  if (u[0] < 0x80) return 1;
  if (u[0] < 0xc2 || u[0] > 0xf4) return 0;
  n = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
  if (n > len) return 0;
  if (u[0] == 0xe0) low = 0xa0;
  if (u[0] == 0xed) high = 0x9f;
  if (u[0] == 0xf0) low = 0x90;
  if (u[0] == 0xf4) high = 0x8f;
  if (u[1] < low || u[1] > high) return 0;
  for (i = 2; i < n; i++)
    if ((u[i] & 0xc0) != 0x80) return 0;
  return n;
}

int utf8_valid(char const *s, size_t len)
{
  size_t i = 0;
  while (i < len) {
    size_t n = utf8_char(s + i, len - i);
    if (!n) return 0;
    i += n;
  }
  return 1;
}
