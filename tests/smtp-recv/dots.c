/* needs: smtp-recv/dots.o */
#include <stdlib.h>

#include "smtp-recv/dots.h"
#include "tap.h"

/* The rule as it stands in RFC 5321 4.5.2, byte by byte and slowly. */
static size_t slow(char const *s, size_t len, char *out, int *bare, int *end)
{
  size_t n = 0, used = 0;
  int start = 1;
  *bare = *end = 0;
  while (used < len) {
    if (start && len - used >= 3 && !memcmp(s + used, ".\r\n", 3)) {
      *end = 1;
      break;
    }
    if (start && s[used] == '.') {
      used++;
      start = 0;
      continue;
    }
    if (s[used] == '\r' && used + 1 < len && s[used + 1] == '\n') {
      memcpy(out + n, "\r\n", 2);
      n += 2;
      used += 2;
      start = 1;
      continue;
    }
    if (s[used] == '\r' || s[used] == '\n') *bare = 1;
    out[n++] = s[used++];
    start = 0;
  }
  return n;
}

static int same(char const *s, size_t len)
{
  char out[64], want[64];
  size_t n = 0, used = 0, w;
  int bare, end;
  dots d = {0};
  w = slow(s, len, want, &bare, &end);
  if (!end) return 1; /* cut short: nothing to compare */
  while (used < len && !d.done) {
    char part[64];
    size_t some = 1 + (size_t)rand() % (len - used), got;
    memcpy(part, s + used, some);
    used += dots_feed(&d, part, some, &got);
    if (n + got > sizeof out) return 0;
    memcpy(out + n, part, got);
    n += got;
  }
  if (!d.done || d.bare != bare) return 0;
  return bare || (n == w && !memcmp(out, want, w));
}

int main(void)
{
  static char const letters[] = "..\r\r\n\nab";
  int good = 0;
  char raw[] = ".\r\n..\r\n", tail[] = "x\r";
  size_t out;
  dots d = {.raw = 1};
  srand(7);
  for (int i = 0; i < 200000; i++) {
    char s[32];
    size_t len = (size_t)rand() % 20;
    for (size_t j = 0; j < len; j++) s[j] = letters[rand() % 8];
    memcpy(s + len, "\r\n.\r\n", 5);
    good += same(s, len + 5);
  }
  is_int(good, 200000, "RFC 5321 4.5.2: random texts, cut at random");
  is_int((int)dots_feed(&d, raw, 7, &out), 7, "BDAT takes all");
  ok(out == 7 && !d.done && !d.bare, "and changes nothing");
  ok(dots_whole(&d), "the last line is whole");
  dots_feed(&d, tail, 2, &out);
  ok(!dots_whole(&d) && d.bare, "a CR at the end stands alone");
  return done();
}
