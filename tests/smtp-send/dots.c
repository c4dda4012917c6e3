/* needs: smtp-send/dots.o */
#include <stdlib.h>

#include "tap.h"
#include "smtp-send/dots.h"

static char out[4096];

static size_t stuff(char const *s, size_t n, size_t piece)
{
  enum dots state = DOTS_START;
  size_t len = 0;
  for (size_t i = 0; i < n; i += piece) {
    size_t k = n - i < piece ? n - i : piece;
    size_t w = dots_stuff(&state, out + len, s + i, k);
    if (w > 2 * k + 1) return 0;
    len += w;
  }
  return len + dots_end(&state, out + len);
}

static void same(char const *s, char const *want, char const *what)
{
  for (size_t piece = 1; piece <= 4; piece++)
    is_mem(out, stuff(s, strlen(s), piece), want, what);
}

/* RFC 5321 4.5.2 undone: whether it ends with the first lone dot, and has no
   CR or LF alone. */
static int sound(size_t n)
{
  for (size_t i = 0; i < n; i++) {
    if (out[i] == '\n' && (!i || out[i - 1] != '\r')) return 0;
    if (out[i] == '\r' && (i + 1 == n || out[i + 1] != '\n')) return 0;
    if ((!i || out[i - 1] == '\n') && !memcmp(out + i, ".\r\n", 3))
      return i + 3 == n;
  }
  return 0;
}

int main(void)
{
  int good = 1;
  same("a\r\n", "a\r\n.\r\n", "a line");
  same("", ".\r\n", "nothing");
  same(".\r\n..\r\n.a\r\n", "..\r\n...\r\n..a\r\n.\r\n", "dots are doubled");
  same("a", "a\r\n.\r\n", "a last line is ended");
  same("a\n.\nb", "a\r\n..\r\nb\r\n.\r\n", "a bare LF");
  same("a\r.\rb\r", "a\r\n..\r\nb\r\n.\r\n", "a bare CR");
  same("\r\r\n\n", "\r\n\r\n\r\n.\r\n", "CR CR LF LF");
  srandom(1);
  for (int i = 0; i < 100000 && good; i++) {
    char s[16];
    size_t n = (size_t)random() % sizeof s;
    for (size_t k = 0; k < n; k++) s[k] = ".\r\na"[random() % 4];
    good = sound(stuff(s, n, 1 + (size_t)random() % 5));
  }
  ok(good, "100000 random messages end at their dot and nowhere before");
  return done();
}
