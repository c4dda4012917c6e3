/* needs: -lidn2 -lutf8proc */
/* RFC 5322 3.6.2, RFC 9989 5.3.1 and 11.5: who the author is, or nobody. */
#include "author.h"
#include "tap.h"

static char const *read_from(char const *header, size_t len)
{
  static char text[400];
  stralloc to = STRALLOC_ZERO;
  char const *why;
  int r = author_read(&to, header, len, "From", &why);
  text[0] = 0;
  if (r == AUTHOR_OK)
    for (size_t at = 0; at < to.len; at += strlen(to.s + at) + 1)
      snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s",
               at ? "|" : "", to.s + at);
  else
    snprintf(text, sizeof text, "!%s",
             r == AUTHOR_ABSENT ? "absent"
             : r == AUTHOR_BAD  ? why
                                : "error");
  stralloc_free(&to);
  return text;
}

static void test_field(void)
{
  static char const beside[] = "!text beside its address in the From field";
  static char const part[] = "!an address that is not whole in the From field";
  static struct {
    char const *value, *want;
  } const v[] = {
      {"a@b.test", "a@b.test"},
      {"A <a@B.Test>", "a@b.test"},
      {"\"A, B\" <a@b.test>", "a@b.test"},
      {"a@b.test (A)", "a@b.test"},
      {"(x) A (y) <(z) a @ b . test (u)> (v)", "a@b.test"},
      {"a@b.test, c@d.test", "a@b.test|c@d.test"},
      {"a@b.test, , c@d.test,", "a@b.test|c@d.test"},
      {"\"a b\"@b.test", "\"a b\"@b.test"},
      {"a@b\xc3\xbc"
       "cher.test",
       "a@xn--bcher-kva.test"},
      {"A <a@b\xc3\xbc"
       "cher.test>",
       "a@xn--bcher-kva.test"},
      /* people write this, and readers agree on it */
      {"a@b.test <c@d.test>", "c@d.test"},
      {"", "!no address in the From field"},
      {" (nobody)", "!no address in the From field"},
      {"<>", part},
      {"alice", part},
      {"A <alice>", part},
      {"a@", part},
      {"@b.test", part},
      {"<@b.test>", "!a source route in the From field"},
      {"a@[192.0.2.1]", "!an address literal in the From field"},
      {"a@b..test", "!a domain that cannot be in the From field"},
      {"a@b.test.", "!a domain that cannot be in the From field"},
      {"a@b\xfc.test", "!a domain that cannot be in the From field"},
      {"G: a@b.test;", "!a group in the From field"},
      {"undisclosed:;", "!a group in the From field"},
      {"<@r.test:a@b.test>", "!a source route in the From field"},
      {"<a@b.test> <c@d.test>", beside},
      {"A <a@b.test> c@d.test", beside},
      {"a@b.test c@d.test", beside},
      {"<a@b.test c@d.test>", beside},
      {"<a@b.test", beside},
      {"<<a@b.test>>", beside},
      {"a@b.test>", beside},
      {"a@b.test (open <c@d.test>", beside},
      {"a@b.test, (open <c@d.test>", beside},
      {"a@b.test, \"open <c@d.test>", beside},
      {"\"open <c@d.test>", beside},
      {"a@b.test; c@d.test", "a@b.test|c@d.test"},
      /* one reader joins them, another takes the last */
      {"x a@b.test", beside},
      {"x(y)a@b.test", beside},
      {"x\r\n a@b.test", beside},
      {"\"x\"a@b.test", beside},
      {"a\"x\"@b.test", beside},
      {"A <x a@b.test>", beside},
      {"A <x(y)a@b.test>", beside},
      {"A <\"x\"a@b.test>", beside},
      {"a . b@b.test", "a.b@b.test"},
      {"a(x).(y)b@b.test", "a.b@b.test"},
      {"\"a\".b@b.test", "a.b@b.test"},
  };
  for (unsigned i = 0; i < sizeof v / sizeof *v; i++) {
    char header[200];
    int n = snprintf(header, sizeof header,
                     "Subject: x\r\nFrom: %s\r\nTo: y\r\n", v[i].value);
    is_str(read_from(header, (size_t)n), v[i].want, v[i].value);
  }
}

static void test_header(void)
{
  static struct {
    char const *header, *want, *what;
  } const v[] = {
      {"", "!absent", "no header"},
      {"Subject: x\r\nTo: y\r\n", "!absent", "no From field"},
      {"FROM : a@b.test\r\n", "a@b.test", "4.5.1: a blank before the colon"},
      {"From: a@b.test\r\nX: y\r\nfrom: a@b.test\r\n", "!several From fields",
       "two fields, even if they say the same"},
      {"no field\r\nFrom: a@b.test\r\n", "a@b.test",
       "a line that is no field is passed over"},
      {"From: a@b.test\r\nno field\r\nFrom: c@d.test\r\n",
       "!several From fields", "and what is behind it counts"},
      {"From:\r\n\ta@b.test,\r\n c@d.test\r\n", "a@b.test|c@d.test",
       "2.2.3: folded"},
      {"X-From: a@b.test\r\nFromage: y\r\n", "!absent", "other names"},
  };
  static char const nul[] = "From: a@b.test\0<c@d.test>\r\n";
  char many[4000] = "From: ";
  for (unsigned i = 0; i < sizeof v / sizeof *v; i++)
    is_str(read_from(v[i].header, strlen(v[i].header)), v[i].want, v[i].what);
  is_str(read_from(nul, sizeof nul - 1), "!a NUL in the From field", "a NUL");
  for (int i = 0; i <= AUTHOR_MAX; i++) strcat(many, "a@b.test, ");
  is_str(read_from(many, strlen(many)), "!too many addresses in the From field",
         "101 addresses");
}

int main(void)
{
  test_field();
  test_header();
  return done();
}
