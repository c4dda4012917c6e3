/* needs: */
/* RFC 5322 3.4 and 4.4, RFC 3501 7.4.2: address lists, also ugly ones */
#include <stdlib.h>

#include "addr.h"
#include "mutate.h"
#include "tap.h"

static char got[4096];

static void add(char const *s)
{
  size_t n = strlen(got);
  snprintf(got + n, sizeof got - n, "%s", s ? s : "-");
}

/* name|route|local|domain, one item a line */
static int each(addr_item const *i, void *data)
{
  (void)data;
  add(i->name);
  add("|");
  add(i->route);
  add("|");
  add(i->local);
  add("|");
  add(i->domain);
  add("\n");
  return 1;
}

/* for the name of a test, which is one line */
static char const *shown(char const *s)
{
  static char line[400];
  size_t i;
  for (i = 0; s[i] && i < sizeof line - 1; i++)
    line[i] = s[i] == '\r' || s[i] == '\n' ? '~' : s[i];
  line[i] = 0;
  return line;
}

static void reads(char const *s, char const *want)
{
  *got = 0;
  if (addr_list(s, strlen(s), each, 0) < 1) add("failed");
  is_str(got, want, shown(s));
}

static void good(void)
{
  reads("a@b", "-|-|a|b\n");
  reads("Joe <a@b>, c@d", "Joe|-|a|b\n-|-|c|d\n");
  reads("\"Joe \\\"Q\\\" Public, Jr.\" <a@b>", "Joe \"Q\" Public, Jr.|-|a|b\n");
  reads("Pete(A wonderful \\) chap) <pete(his account)@silly.test(his host)>",
        "Pete|-|pete|silly.test\n");
  reads("A Group(Some people)\r\n :Chris Jones <c@(Chris's host.)public.example"
        ">,\r\n  joe@example.org,\r\n John <jdoe@one.test> (my dear friend); "
        "(the end of the group)",
        "A Group|-|-|-\nChris Jones|-|c|public.example\n-|-|joe|example.org\n"
        "John|-|jdoe|one.test\n-|-|-|-\n");
  reads("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;",
        "Hidden recipients|-|-|-\n-|-|-|-\n");
  reads("Joe Q. Public <john.q.public@example.com>",
        "Joe Q. Public|-|john.q.public|example.com\n");
  reads("Mary Smith <@node.test,@other.test:mary@example.net>, , jdoe@test  . "
        "example",
        "Mary Smith|@node.test,@other.test|mary|example.net\n"
        "-|-|jdoe|test.example\n");
  reads("\"a b\"@c, \"a\".\"b\"@c", "-|-|a b|c\n-|-|a.b|c\n");
  reads("a@[1.2.3.4], <b@[IPv6:::1]>", "-|-|a|[1.2.3.4]\n-|-|b|[IPv6:::1]\n");
  reads("=?utf-8?q?J=C3=B6rg?= =?utf-8?q?_X?= <a@b>",
        "=?utf-8?q?J=C3=B6rg?= =?utf-8?q?_X?=|-|a|b\n");
  reads("J\xc3\xb6rg <j\xc3\xb6rg@b>", "J\xc3\xb6rg|-|j\xc3\xb6rg|b\n");
  reads("a@b (Joe Public)", "Joe Public|-|a|b\n");
  reads("x:a@b;,y:;,c@d",
        "x|-|-|-\n-|-|a|b\n-|-|-|-\ny|-|-|-\n-|-|-|-\n-|-|c|d\n");
  reads("", "");
  reads(" \r\n ", "");
}

static void ugly(void)
{
  reads("joe@x.test <joe@x.test>", "joe@x.test|-|joe|x.test\n");
  reads("foo, bar@, <>, <baz>", "-|-|foo|-\n-|-|bar|\n-|-||-\n-|-|baz|-\n");
  reads("a b c", "-|-|a b c|-\n");
  reads("Name <a@b", "Name|-|a|b\n");
  reads("Name a@b>", "-|-|Namea|b\n");
  reads("A <a@b> B <c@d>, e@f", "A|-|a|b\n-|-|e|f\n");
  reads("\"never closed <a@b>", "-|-|never closed <a@b>|-\n");
  reads("(never closed a@b", "");
  reads("a@b) c, d@e", "-|-|a|b)\n-|-|d|e\n");
  reads("John [Work] <a@b>", "John [Work]|-|a|b\n");
  reads("x: y: a@b;", "x|-|-|-\n-|-|a|b\n-|-|-|-\n");
  reads("x: a@b", "x|-|-|-\n-|-|a|b\n-|-|-|-\n");
  reads(";;,,;a@b;", "-|-|a|b\n");
  reads("<@a@b>", "-|@a@b||-\n");
  reads("a@b@c", "-|-|a|b\n");
  reads("<<a@b>>", "-|-|a|b\n");
  reads("a@b\r\n\r\n", "-|-|a|b\n");
  reads("'Joe' <a@b>; c@d", "'Joe'|-|a|b\n-|-|c|d\n");
  reads("\\", "-|-|\\|-\n");
}

static int stop(addr_item const *i, void *data)
{
  (void)i;
  return --*(int *)data ? 1 : -1;
}

static int count(addr_item const *i, void *data)
{
  size_t n =
      (i->name ? strlen(i->name) : 0) + (i->route ? strlen(i->route) : 0) +
      (i->local ? strlen(i->local) : 0) + (i->domain ? strlen(i->domain) : 0);
  *(size_t *)data += n;
  return 1;
}

static void mutations(void)
{
  static char const seed[] =
      "Joe <@a,@b:\"x y\"@[1.2.3.4]>, G (c(d)): e@f.g (h), <i>;, \"q\\\"\" r";
  static char const bytes[] = "<>@\"\\.:,;[]() \r\n\0\xfcz";
  int bad = 0;
  for (int i = 0; i < MUTANTS; i++) {
    size_t n, total = 0;
    char *s = mutate(BYTES(seed), BYTES(bytes), &n);
    if (addr_list(s, n, count, &total) < 1 || total > 2 * n) bad++;
    free(s);
  }
  is_int(bad, 0, "no step out of damaged lists");
}

int main(void)
{
  int two = 2;
  good();
  ugly();
  is_int(addr_list("a,b,c,d", 7, stop, &two), -1, "each() can stop it");
  is_int(two, 0, "at once");
  is_int(addr_list("a\0b@c\0d", 7, each, (*got = 0, got)), 1, "NULs");
  is_str(got, "-|-|ab|c\n", "are left out");
  mutations();
  return done();
}
