/* needs: -lidn2 -lutf8proc */
#include <stdlib.h>

#include "addr.h"
#include "tap.h"

static int good(char const *s, unsigned mailboxes, unsigned groups)
{
  addr_count n;
  return addr_list_valid(s, strlen(s), &n) && n.mailboxes == mailboxes &&
         n.groups == groups;
}

static int bad(char const *s)
{
  addr_count n;
  return !addr_list_valid(s, strlen(s), &n);
}

/* Whatever is cut or changed, nothing is read beyond the end. */
static void damage(void)
{
  static char const text[] = " \"A \\\" B\" (c (d\\)) e) <a.b@x.test>, G: "
                             "\"q q\"@[192.0.2.1],\r\n c@d.test;, \303\251@e";
  size_t len = sizeof text - 1;
  unsigned seed = 1, valid = 0;
  addr_count n;
  for (size_t i = 0; i <= len; i++) {
    char *s = malloc(i + 1); /* i bytes and no more for sanitizers */
    memcpy(s, text, i);
    valid += (unsigned)addr_list_valid(s, i, &n);
    free(s);
  }
  for (unsigned k = 0; k < 100000; k++) {
    char s[sizeof text];
    memcpy(s, text, len);
    for (unsigned m = 0; m < 3; m++) {
      seed = seed * 1103515245 + 12345;
      s[(seed >> 16) % len] = ",<>@:;\"\\() \r\n.[]a\303"[(seed >> 8) % 18];
    }
    valid += (unsigned)addr_list_valid(s, len, &n);
  }
  ok(valid > 100 && valid < 50000, "a hundred thousand damaged lists: %u valid",
     valid);
}

int main(void)
{
  ok(good(" a@b.test", 1, 0), "RFC 5322 3.4: addr-spec");
  ok(good(" Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", 1,
          0),
     "App. A.5: comments");
  ok(good(" \"Joe Q. Public\" <john.q.public@example.test>", 1, 0),
     "A.1.2: a quoted name");
  ok(good(" Joe Q. Public <john@example.test>", 1, 0), "4.1: dots in names");
  ok(good(" A Group:Ed Jones <joe@where.test>,john@one.test;", 2, 1),
     "A.1.3: a group");
  ok(good(" Undisclosed recipients:;", 0, 1), "an empty group");
  ok(good(" G:;, a@b.test", 1, 1), "a group and a mailbox");
  ok(good(" a@b.test, , <c@d.test>,", 2, 0), "4.4: empty members");
  ok(good("", 0, 0) && good(" (none)", 0, 0), "an empty list");
  ok(good(" A\r\n B <a@b.test>,\r\n\tc@d.test", 2, 0), "folded");
  ok(good(" \"a b\"@c.test", 1, 0), "3.4.1: a quoted local part");
  ok(good(" a@[192.0.2.1], b@[IPv6:2001:db8::1]", 2, 0), "address literals");
  ok(good(" =?utf-8?q?J=C3=BCrgen?= <j@b.test>", 1, 0), "RFC 2047 words");
  ok(good(" J\303\274rgen <j\303\274@b\303\274.test>", 1, 0),
     "RFC 6532: UTF-8");
  ok(bad(" J\374rgen <j@b.test>"), "but not Latin-1");
  ok(bad(" a"), "no domain");
  ok(bad(" a b@c.test"), "two words before @");
  ok(bad(" a@b.test c@d.test"), "no comma");
  ok(bad(" <a@b.test"), "no >");
  ok(bad(" <>"), "no address");
  ok(bad(" A <b>"), "no domain in <>");
  ok(bad(" A [x] <a@b.test>"), "a special in a name");
  ok(bad(" a@b@c.test"), "two @");
  ok(bad(" a.@b.test") && bad(" .a@b.test") && bad(" a..b@c.test"),
     "3.2.3: dots in the wrong places");
  ok(bad(" a@b..test") && bad(" a@-b.test"), "no domain name");
  ok(bad(" \"a <b@c.test>"), "a quote that is not closed");
  ok(bad(" (a <b@c.test>"), "a comment that is not closed");
  ok(bad(" a@b.test)"), "one that was not opened");
  ok(bad(" G: H: a@b.test;;"), "groups do not nest");
  ok(bad(" G: a@b.test"), "a group without ;");
  ok(bad(" : a@b.test;") && bad(" a@b.test;"), "a group without a name");
  ok(bad(" a@b.test\r\n"), "a line end that folds nothing");
  ok(bad(" a\rb@c.test") && bad(" \"a\nb\" <c@d.test>"), "bare CR, bare LF");
  ok(bad(" \"a\001\" <b@c.test>") && bad(" a\177 <b@c.test>"), "controls");
  ok(bad(" a@[192.0.2.1") && bad(" a@[x"), "a literal that is not closed");
  ok(bad(" @a.test,@b.test:c@d.test"), "4.4: no routes");
  damage();
  return done();
}
