#include <string.h>

#include "filter.h"
#include "tap.h"

static void test_actions(void)
{
  static char const *const words[] = {"pass", "fail"};
  static char const *const bad[] = {
      "",          "fail",          "fail=",   "fail=x",
      "x=reject",  "fail=reject,",  "=reject", "fail=junk,,pass=junk",
      "fa=reject", "failing=reject"};
  filter_action a[2] = {FILTER_IGNORE, FILTER_REJECT};
  ok(filter_actions_scan(a, words, 2, "fail=defer,pass=junk"), "actions");
  ok(a[0] == FILTER_JUNK && a[1] == FILTER_DEFER, "each its own");
  ok(filter_actions_scan(a, words, 2, "fail=ignore") && a[1] == FILTER_IGNORE,
     "ignore takes one back");
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
    ok(!filter_actions_scan(a, words, 2, bad[i]), "\"%s\" is refused", bad[i]);
}

static void test_property(void)
{
  static char const *const pairs[][2] = {
      {"a@b.test", "a@b.test"},   {"", "\"\""},
      {"a b", "\"a b\""},         {"a\"b\\c", "\"a\\\"b\\\\c\""},
      {"a;b\r\nc", "\"a;b??c\""}, {"b\xc3\xbc", "\"b??\""}};
  char to[64], small[8];
  for (unsigned i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    filter_property(to, sizeof to, pairs[i][0]);
    ok(!strcmp(to, pairs[i][1]), "RFC 8601 2.2: pvalue");
  }
  filter_property(small, sizeof small, "\"\"\"\"\"\"\"\"");
  ok(strlen(small) < sizeof small && small[strlen(small) - 1] == '"',
     "cut, and still closed");
}

static void test_replies(void)
{
  ok(filter_reply_fits(FILTER_REJECT, "554 5.7.0 No"), "a reply of its class");
  ok(filter_reply_fits(FILTER_DEFER, "421 Later"), "without enhanced code");
  ok(!filter_reply_fits(FILTER_REJECT, "451 4.7.0 No"), "of another class");
  ok(!filter_reply_fits(FILTER_REJECT, "550 "), "without text");
  ok(!filter_reply_fits(FILTER_REJECT, "5500 x"), "four digits");
  ok(!filter_reply_fits(FILTER_REJECT, "550 5.7.1 a\r\nb"), "two lines");
  ok(!filter_reply_fits(FILTER_IGNORE, "250 x"), "nothing to say");
}

int main(void)
{
  test_replies();
  test_actions();
  test_property();
  return done();
}
