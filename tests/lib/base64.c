/* needs: */
/* RFC 4648, RFC 2045 6.7 and 6.8, RFC 2047 4 */
#include <stdlib.h>

#include "base64.h"
#include "quoted-printable.h"
#include "tap.h"

static stralloc sa = STRALLOC_ZERO;

static void vectors(void)
{
  static char const *const v[][2] = {{"", ""},
                                     {"f", "Zg=="},
                                     {"fo", "Zm8="},
                                     {"foo", "Zm9v"},
                                     {"foob", "Zm9vYg=="},
                                     {"fooba", "Zm9vYmE="},
                                     {"foobar", "Zm9vYmFy"},
                                     {"\xff\xfb\xef", "//vv"}};
  size_t i;
  for (i = 0; i < sizeof v / sizeof *v; i++) {
    sa.len = 0;
    base64_encode(&sa, v[i][0], strlen(v[i][0]));
    is_mem(sa.s, sa.len, v[i][1], "RFC 4648 10: encode");
  }
}

static void mail(char const *s, char const *want, char const *what)
{
  size_t cut;
  for (cut = 0; cut <= strlen(s); cut++) {
    unsigned acc = 0;
    sa.len = 0;
    base64_decode_mail(&sa, s, cut, &acc);
    base64_decode_mail(&sa, s + cut, strlen(s) - cut, &acc);
    if (sa.len != strlen(want) || memcmp(sa.s, want, sa.len)) {
      is_mem(sa.s, sa.len, want, what);
      return;
    }
  }
  ok(1, "%s, cut anywhere", what);
}

static void qp(char const *s, char const *want, int q, char const *what)
{
  sa.len = 0;
  qp_decode(&sa, s, strlen(s), q);
  is_mem(sa.len ? sa.s : "", sa.len, want, what);
}

static void quoted_printable(void)
{
  qp("a=3Db", "a=b", 0, "escape");
  qp("a=3db", "a=b", 0, "RFC 2045 6.7: lower case is forgiven");
  qp("a=\r\nb", "ab", 0, "(5) soft line break");
  qp("a= \t\r\nb", "ab", 0, "(5) with padding");
  qp("a=\nb", "ab", 0, "soft line break of LF");
  qp("a  \r\nb\t\n", "a\r\nb\n", 0, "(3) blanks at the end of a line go");
  qp("a b\tc", "a b\tc", 0, "blanks inside stay");
  qp("a=XYb=4", "a=XYb=4", 0, "bad escapes stay");
  qp("a=", "a", 0, "a soft line break at the end of all");
  qp("a_b=20c", "a b c", 1, "RFC 2047 4.2: Q");
  qp("a_b", "a_b", 0, "underscore is itself in a body");
  qp("a=", "a=", 1, "no soft break in Q");
  qp("=", "", 0, "= alone");
  qp("", "", 0, "nothing");
}

static void round_trip(void)
{
  unsigned i, bad = 0;
  srandom(2);
  for (i = 0; i < 3000; i++) {
    char s[300];
    size_t n = (size_t)random() % sizeof s, j;
    stralloc back = STRALLOC_ZERO, line = STRALLOC_ZERO;
    unsigned acc = 0;
    for (j = 0; j < n; j++)
      s[j] = (char)(random() & 1 ? random() : "  \t\r\n=.ab"[random() % 9]);
    base64_encode(&line, s, n);
    base64_decode_mail(&back, line.s, line.len, &acc);
    if (back.len != n || (n && memcmp(back.s, s, n))) bad++;
    back.len = 0;
    qp_decode(&back, s, n, (int)(random() & 1));
    stralloc_free(&back);
    stralloc_free(&line);
  }
  is_int(bad, 0, "what is encoded comes back");
}

int main(void)
{
  vectors();
  mail("Zm9v\r\nYmFy\r\n", "foobar", "RFC 2045 6.8: line breaks");
  mail("Zm!9v Ym*Fy", "foobar", "other characters are skipped");
  mail("Zm9vYmE", "fooba", "a missing end is forgiven");
  mail("Zm9vYg==Zm9v", "foobfoo", "joined parts");
  mail("====", "", "padding alone");
  quoted_printable();
  round_trip();
  stralloc_free(&sa);
  return done();
}
