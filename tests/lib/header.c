/* needs: */
/* RFC 5322 2.2 and 4.5: header fields, also ugly ones */
#include <stdlib.h>

#include "header.h"
#include "mutate.h"
#include "tap.h"

static header_field f;

static int next(char const *s)
{
  return header_next(&f, s, strlen(s));
}

static void fields(void)
{
  is_int(next("Subject: hi\r\nTo: x\r\n"), 1, "2.2: a field");
  is_int((long long)f.len, 13, "its length with CRLF");
  is_mem(f.s, f.namelen, "Subject", "its name");
  is_mem(f.value, f.valuelen, " hi", "its value");
  is_int(next("Subject: a\r\n b\r\n\tc\r\nTo: x\r\n"), 1, "2.2.3: folded");
  is_mem(f.value, f.valuelen, " a\r\n b\r\n\tc", "the whole value");
  is_int(next("Subject:a\n b\n\nbody"), 1, "LF lines");
  is_mem(f.value, f.valuelen, "a\n b", "value");
  is_int(next("Subject \t: a\r\n"), 1, "4.5: blanks before the colon");
  is_mem(f.s, f.namelen, "Subject", "are not of the name");
  is_mem(f.value, f.valuelen, " a", "value");
  is_int(next("X:"), 1, "end of input behind the colon");
  is_int((long long)f.valuelen, 0, "empty value");
  is_int(next("X:\r\n"), 1, "empty value with CRLF");
  is_int((long long)f.valuelen, 0, "empty");
  is_int(next("X: a\r"), 1, "a CR at the end of input");
  is_mem(f.value, f.valuelen, " a\r", "is data");
  is_int(next("X: a\r\n \r\nY: b"), 1, "a folded line of blanks");
  is_mem(f.value, f.valuelen, " a\r\n ", "belongs to the field");
}

static void none(void)
{
  is_int(next("\r\nbody"), 0, "the empty line ends the header");
  is_int(next("\nbody"), 0, "of LF, too");
  is_int(next(""), 0, "so does the end");
  is_int(next("From a@b Thu May 21\r\nTo: x\r\n"), -1, "mbox line");
  is_int((long long)f.len, 21, "is one line");
  is_int(next(": x\r\n"), -1, "no name");
  is_int(next("no colon\r\n"), -1, "no colon");
  is_int(next(" folded: x\r\n"), -1, "folded without a field");
  is_int(next("na\x80me: x\r\n"), -1, "8-bit name");
  is_int(next("na me: x\r\n"), -1, "blank inside the name");
  is_int(next("\r"), -1, "a CR alone is no empty line");
}

static void whole(void)
{
  static char const m[] = "A: 1\r\njunk\r\nB: 2\r\na: 3\r\n\r\nC: 4\r\n";
  is_int((long long)header_size(m, sizeof m - 1), 26, "header with empty line");
  is_int((long long)header_size("A: 1\r\n", 6), 6, "no empty line: all");
  is_int((long long)header_size("A: 1\r\n\r", 7), 7, "CR is no empty line");
  is_int((long long)header_size("\r\nx", 3), 2, "no header");
  is_int((long long)header_size("", 0), 0, "nothing");
  is_int(header_find(&f, m, sizeof m - 1, "a", 0), 1, "name in any case");
  is_mem(f.value, f.valuelen, " 1", "the first");
  is_int(header_find(&f, m, sizeof m - 1, "A", 1), 1, "the second");
  is_mem(f.value, f.valuelen, " 3", "behind junk");
  is_int(header_find(&f, m, sizeof m - 1, "A", 2), 0, "no third");
  is_int(header_find(&f, m, sizeof m - 1, "C", 0), 0, "not in the body");
  is_int(header_find(&f, m, sizeof m - 1, "", 0), 0, "no name matches no line");
}

static void mutations(void)
{
  static char const seed[] =
      "Subject: a\r\n b\r\nFrom x y\r\nTo : c\n\td\n\r\nbody: x\r\n";
  int bad = 0;
  for (int i = 0; i < MUTANTS; i++) {
    size_t n, at = 0;
    char *s = mutate(BYTES(seed), BYTES(":\r\n \t\0x"), &n);
    int r;
    while ((r = header_next(&f, s + at, n - at))) {
      if (!f.len || f.len > n - at) {
        bad++;
        break;
      }
      if (r > 0 && (f.value + f.valuelen > f.s + f.len || !f.namelen)) bad++;
      at += f.len;
    }
    if (header_size(s, n) < at) bad++;
    header_find(&f, s, n, "Subject", 1);
    free(s);
  }
  is_int(bad, 0, "damaged headers: nothing leaves them");
}

int main(void)
{
  fields();
  none();
  whole();
  mutations();
  return done();
}
