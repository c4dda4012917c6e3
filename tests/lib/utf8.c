/* needs: */
/* RFC 3629 3 and 4: which bytes are UTF-8 */
#include "tap.h"
#include "utf8.h"

/* The encoding of n in width bytes, whether allowed or not */
static void encode(char *to, unsigned n, size_t width)
{
  static unsigned char const first[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t i = width; i-- > 1; n >>= 6) to[i] = (char)(0x80 | (n & 63));
  to[0] = (char)(width == 1 ? n : first[width] | n);
}

static size_t shortest(unsigned n)
{
  return n < 0x80 ? 1 : n < 0x800 ? 2 : n < 0x10000 ? 3 : 4;
}

int main(void)
{
  static unsigned const limit[] = {0, 0x80, 0x800, 0x10000, 0x200000};
  unsigned bad = 0, n;
  size_t width, cut;
  char s[4];
  for (width = 1; width <= 4; width++)
    for (n = 0; n < limit[width]; n++) {
      int good =
          width == shortest(n) && n <= 0x10ffff && (n < 0xd800 || n > 0xdfff);
      encode(s, n, width);
      if (utf8_char(s, width) != (good ? width : 0)) bad++;
      if (utf8_valid(s, width) != good) bad++;
      for (cut = 0; cut < width; cut++)
        if (utf8_char(s, cut)) bad++;
    }
  is_int(bad, 0,
         "every number in every width: only the shortest, no surrogate");
  for (n = 0x80; n < 0x100; n++) {
    s[0] = (char)n;
    s[1] = 'a';
    if (utf8_char(s, 2)) bad++;
  }
  is_int(bad, 0, "no byte above 127 stands alone");
  ok(utf8_valid("", 0), "nothing is UTF-8");
  ok(utf8_valid("a\0b\xc3\xbc", 5), "NUL is a character");
  ok(!utf8_valid("a\xc3\xbc\xc3", 4), "an end inside a character");
  ok(!utf8_valid("\xf8\x88\x80\x80\x80", 5), "no five bytes");
  return done();
}
